/** Whether an answer is one that `openapi/openapi.json` tells of. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import { fail, must } from './must.ts'
import type { RawAnswer } from './raw-http.ts'

interface Operation {
  responses: Record<string, { content: Record<string, unknown>; headers: Record<string, { $ref: string }> }>
}

const file = join(import.meta.dirname, '../../openapi/openapi.json')
const document = JSON.parse(readFileSync(file, 'utf8')) as {
  paths: Record<string, Record<string, Operation>>
  components: { headers: Record<string, { required?: boolean; schema: { type: string } }> }
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
    must(statusesWithoutRoute.includes(answer.status), `${what} where no route is`)
    must(mediaType === 'application/problem+json', what)
    assertValid(['components', 'schemas', 'Problem'], answer)
    return
  }
  must(operation.responses[answer.status]?.content[mediaType], `${what} is not in the document`)
  const place = ['paths', pathOf(target), method.toLowerCase(), 'responses', String(answer.status)]
  assertValid([...place, 'content', mediaType, 'schema'], answer)
  assertHeaders(operation.responses[answer.status]?.headers ?? {}, answer)
}

/** Those that the document knows: told of this answer when they are there, there when they must be, and as they are told. */
function assertHeaders(told: Record<string, { $ref: string }>, { headers, status }: RawAnswer): void {
  for (const [name, { $ref }] of Object.entries(told)) {
    const key = $ref.split('/').at(-1) ?? ''
    const { required, schema } = document.components.headers[key] ?? fail($ref)
    const value = headers.get(name.toLowerCase())
    must(value !== null || !required, `${status} without ${name}`)
    if (value === null) continue
    const validate = validatorOf(['components', 'headers', key, 'schema'])
    must(validate(schema.type === 'integer' ? Number(value) : value), `${name}: ${value}`)
  }
  const known = ['retry-after', 'ratelimit', 'ratelimit-policy', 'www-authenticate', 'allow']
  const names = Object.keys(told).map((name) => name.toLowerCase())
  for (const name of known) must(!headers.has(name) || names.includes(name), `${status} with ${name}`)
}

function validatorOf(place: string[]): ValidateFunction {
  const steps = place.map((step) => encodeURIComponent(step.replaceAll('~', '~0').replaceAll('/', '~1')))
  const $ref = `openapi#/${steps.join('/')}`
  const validate = validators.get($ref) ?? ajv.compile({ $ref })
  validators.set($ref, validate)
  return validate
}

function assertValid(place: string[], { body }: RawAnswer): void {
  const validate = validatorOf(place)
  must(validate(JSON.parse(body)), `${ajv.errorsText(validate.errors)}: ${body}`)
}

function pathOf(target: string): string {
  const path = target.split('?', 1)[0] ?? ''
  try {
    return decodeURIComponent(path)
  } catch {
    return path
  }
}
