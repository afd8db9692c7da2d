/** The OpenAPI document: complete, consistent in itself, and true to what is really answered. */

import { t as file, test } from 'tap'
import type { FailureCode } from '../../src/core/failures.ts'
import { type Problem, toProblem } from '../../src/http/problem.ts'
import { confirm } from '../support/must.ts'
import { codes, contract } from '../support/problem.ts'
import { openPublicServer } from '../support/public-server.ts'
import { routesOf } from '../support/route-table.ts'

interface Schema {
  required: string[]
  properties: Record<string, { enum?: string[]; 'x-extensible-enum'?: string[] }>
  additionalProperties?: boolean
}

interface Content {
  schema: Schema
  examples?: Record<string, { value: Problem }>
}

interface Operation {
  operationId: string
  summary: string
  description?: string
  tags: string[]
  security: Record<string, unknown>[]
  responses: Record<string, { description: string; content: Record<string, Content> }>
}

const { app, describe } = await openPublicServer(file, { keySet: () => ({ keys: [] }) })
const document = JSON.parse(JSON.stringify(await describe())) as {
  openapi: string
  info: { version: string }
  tags: { name: string }[]
  paths: Record<string, Record<string, Operation>>
  servers: { url: string }[]
  components: {
    securitySchemes: object
    schemas: { Problem: Schema }
    headers: object
    parameters: object
  }
}

const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.entries(methods).map(([method, operation]) => ({
    name: `${method.toUpperCase()} ${path}`,
    operation,
  })),
)

/** Codes that no operation declares, and why. */
const ofNoOperation: Partial<Record<FailureCode, string>> = {
  method_not_allowed: 'there is no such operation at the path',
}

function examplesOf({ responses }: Operation): [status: string, code: string, value: Problem][] {
  return Object.entries(responses).flatMap(([status, { content }]) =>
    Object.entries(content['application/problem+json']?.examples ?? {}).map(
      ([code, { value }]): [string, string, Problem] => [status, code, value],
    ),
  )
}

test('every route of the listener is described, and nothing else', async (t) => {
  t.strictSame(operations.map(({ name }) => name).sort(), routesOf(app))
})

test('every operation has a name of its own, a summary and a known tag', async (t) => {
  t.equal(new Set(operations.map(({ operation }) => operation.operationId)).size, operations.length)
  const tags = document.tags.map(({ name }) => name)
  for (const { name, operation } of operations) {
    t.ok(operation.summary.length > 0, name)
    t.ok(operation.tags.length > 0 && operation.tags.every((tag) => tags.includes(tag)), name)
  }
})

test('every reference leads to something', async (t) => {
  const references = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(
    ([, target]) => target ?? '',
  )
  t.ok(references.length > 0)
  for (const reference of references) {
    const [, kind = '', name = ''] =
      /^#\/components\/(schemas|headers|parameters)\/(\w+)$/.exec(reference) ?? []
    t.ok(name in (document.components[kind as 'headers'] ?? {}), reference)
  }
})

for (const { name, operation } of operations)
  test(`${name} declares its answers: one JSON 200 without surprises, and problems by status`, async (t) => {
    const { 200: success, default: others, ...failures } = operation.responses
    t.strictSame(others?.content['application/problem+json']?.schema, {
      $ref: '#/components/schemas/Problem',
    })
    const schema = success?.content['application/json']?.schema
    confirm(t, schema)
    t.equal(schema.additionalProperties, false)
    const optional = name.endsWith('/v1/number-verification') ? ['receipt'] : []
    t.strictSame([...schema.required, ...optional], Object.keys(schema.properties))
    for (const [status, { content, description }] of Object.entries(failures)) {
      t.strictSame(Object.keys(content), ['application/problem+json'])
      t.strictSame(content['application/problem+json']?.schema, { $ref: '#/components/schemas/Problem' })
      const declared = Object.keys(content['application/problem+json']?.examples ?? {})
      t.ok(declared.length > 0)
      for (const code of declared) t.ok(description.includes(`\`${code}\``), `${status} ${code}`)
    }
  })

for (const { name, operation } of operations)
  test(`${name} shows each of its problems exactly as it is answered`, async (t) => {
    for (const [status, code, value] of examplesOf(operation)) {
      t.equal(String(contract[code as FailureCode][0]), status, code)
      t.strictSame(value, toProblem(code as FailureCode, value.request_id), code)
    }
  })

test('an operation declares the refusals of the guard exactly when it asks for a token', async (t) => {
  const guard = ['missing_token', 'invalid_token', 'insufficient_scope', 'idp_unavailable']
  for (const { name, operation } of operations) {
    const declared = examplesOf(operation).map(([, code]) => code)
    const isGuarded = operation.security.some((scheme) => 'accessToken' in scheme)
    t.strictSame(
      guard.filter((code) => declared.includes(code)),
      isGuarded ? guard : [],
      name,
    )
  }
  t.ok('accessToken' in document.components.securitySchemes)
})

test('every code of the contract is declared by some operation, unless it belongs to none', async (t) => {
  const declared = new Set(
    operations.flatMap(({ operation }) => examplesOf(operation).map(([, code]) => code)),
  )
  t.strictSame(
    codes.filter((code) => !declared.has(code)),
    Object.keys(ofNoOperation),
  )
})

test('the problem schema knows every code and next action, is closed to no other, and requires what is always there', async (t) => {
  const { required, properties } = document.components.schemas.Problem
  const actions = new Set(Object.values(contract).map(([, nextAction]) => nextAction))
  t.strictSame(properties.code?.['x-extensible-enum']?.toSorted(), codes.toSorted())
  t.strictSame(new Set(properties.next_action?.['x-extensible-enum']), actions)
  for (const name of ['code', 'next_action']) t.equal(properties[name]?.enum, undefined)
  t.strictSame([...required, 'errors'], Object.keys(properties))
  t.strictSame(Object.keys(toProblem('internal', 'an-id')), required)
})

test('the server of the document is the public one', async (t) => {
  t.strictSame(
    document.servers.map(({ url }) => url),
    ['https://bff.example.com'],
  )
})

test('what is only documented is told, and leaves no trace of how', async (t) => {
  const body = JSON.stringify(document.paths['/v1/network-enablement']?.post)
  t.match(body, /"pattern":"\^\\\\\+\[1-9\]\[0-9\]\{6,14\}\$"/)
  t.notMatch(JSON.stringify(document), /documented/)
})
