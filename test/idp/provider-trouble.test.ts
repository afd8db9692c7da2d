/** What the log says of a provider that fails: our words and the system's codes, and never what it sent. */
import { test } from 'tap'
import { describeTrouble, ProviderError } from '../../src/idp/provider-trouble.ts'

const refused = Object.assign(new Error('canary'), { code: 'ECONNREFUSED' })

const troubles: Array<[what: string, error: unknown, words: string]> = [
  ['our own text', new ProviderError('status 404'), 'status 404'],
  ['a code of the system', refused, 'ECONNREFUSED'],
  ['a code behind another error', new TypeError('canary', { cause: refused }), 'ECONNREFUSED'],
  ['a deadline', new DOMException('canary', 'TimeoutError'), 'timeout'],
  ['an error without a code', new TypeError('canary'), 'no usable answer'],
  ['an error whose cause is no error', new TypeError('canary', { cause: 'canary' }), 'no usable answer'],
  ['no error at all', undefined, 'no usable answer'],
]
for (const [what, error, words] of troubles)
  test(`tells of ${what} in closed words`, async (t) => t.equal(describeTrouble(error), words))
