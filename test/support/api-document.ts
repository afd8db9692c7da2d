/** Whether an answer is one that `openapi/openapi.json` tells of. */
import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import type { RawAnswer } from './raw-http.ts'

interface Operation {
  responses: Record<string, { content: Record<string, unknown> }>
}

const file = join(import.meta.dirname, '../../openapi/openapi.json')
const document = JSON.parse(readFileSync(file, 'utf8')) as {
  paths: Record<string, Record<string, Operation>>
}

const ajv = new Ajv2020({ strict: false, formats: { uri: (text: string) => URL.canParse(text) } })
ajv.addSchema(document, 'openapi')
const validators = new Map<string, ValidateFunction>()

/** Routes of the document, such as `POST /v1/number-verification`. */
export const documentedRoutes: readonly string[] = Object.entries(document.paths).flatMap(
  ([path, operations]) => Object.keys(operations).map((method) => `${method.toUpperCase()} ${path}`),
)

/** What is refused before there is a route, or because there is none. */
const statusesWithoutRoute = [400, 404, 405, 408, 413, 415, 431]

/** @param target as it was sent; a route in percent codes is the same route */
export function assertDocumented(method: string, target: string, answer: RawAnswer): void {
  const operation = document.paths[pathOf(target)]?.[method.toLowerCase()]
  const mediaType = answer.headers.get('content-type')?.split(';', 1)[0] ?? ''
  const what = `${answer.status} ${mediaType}`
  if (!operation) {
    assert.ok(statusesWithoutRoute.includes(answer.status), `${what} where no route is`)
    assert.equal(mediaType, 'application/problem+json', what)
    assertValid(['components', 'schemas', 'Problem'], answer)
    return
  }
  assert.ok(operation.responses[answer.status]?.content[mediaType], `${what} is not in the document`)
  const place = ['paths', pathOf(target), method.toLowerCase(), 'responses', String(answer.status)]
  assertValid([...place, 'content', mediaType, 'schema'], answer)
}

function assertValid(place: string[], { body }: RawAnswer): void {
  const steps = place.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1')))
  const $ref = `openapi#/${steps.join('/')}`
  const validate = validators.get($ref) ?? ajv.compile({ $ref })
  validators.set($ref, validate)
  assert.ok(validate(JSON.parse(body)), `${ajv.errorsText(validate.errors)}: ${body}`)
}

function pathOf(target: string): string {
  const path = target.split('?', 1)[0] ?? ''
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
