/** Headers of the document: each where it can come. That answers have what is told of them: every flow, by api-document.ts. */
import { test } from 'tap'
import type { FailureCode } from '../../src/core/failures.ts'
import { addHeaders } from '../../src/http/openapi-headers.ts'

const always = ['X-Request-Id', 'Cache-Control']
const limit = ['RateLimit', 'RateLimit-Policy']

/** @returns the names of the headers of one answer */
function headersOf(codes: FailureCode[], security: object[] = [], status = '400'): string[] {
  const operation = { security, responses: { [status]: {} as { headers?: object } } }
  addHeaders(operation, () => codes)
  return Object.keys(operation.responses[status]?.headers ?? {})
}

test('a code brings the headers along that its answers have', async (t) => {
  t.strictSame(headersOf([]), always)
  t.strictSame(headersOf(['invalid_request']), always)
  t.strictSame(headersOf(['invalid_request', 'request_timeout']), [...always, 'Retry-After'])
  t.strictSame(headersOf(['rate_limited']), [...always, 'Retry-After', ...limit])
  for (const code of ['invalid_token', 'insufficient_scope'] as const)
    t.strictSame(headersOf([code]), [...always, 'WWW-Authenticate'])
})

test('where a token is needed every answer may tell what is left, and the default answer may be anything', async (t) => {
  t.strictSame(headersOf([], [{ accessToken: [] }], '200'), [...always, ...limit])
  t.strictSame(headersOf([], [], 'default'), [...always, 'Retry-After', 'Allow'])
})

test('what a request may carry is told beside the parameters that it has', async (t) => {
  const operation = { parameters: [{ name: 'code' }], responses: {} }
  addHeaders(operation, () => [])
  t.strictSame(operation.parameters, [
    { name: 'code' },
    { $ref: '#/components/parameters/RequestId' },
    { $ref: '#/components/parameters/Traceparent' },
  ])
  const without: Parameters<typeof addHeaders>[0] = { responses: {} }
  addHeaders(without, () => [])
  t.equal(without.parameters?.length, 2)
})
