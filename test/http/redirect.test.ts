/** What is used of a redirect's query, and that nothing else matters. The landing page's own tests are in `routes/`. */
import { test } from 'tap'
import { parseRedirect } from '../../src/http/redirect.ts'

const none = { error: undefined, code: undefined, state: undefined }

for (const [query, expected] of [
  ['', {}],
  ['?', {}],
  ['?code=a&state=b', { code: 'a', state: 'b' }],
  ['?code=a=b&state==', { code: 'a=b', state: '=' }],
  ['?code=a%20b+c%2B&state', { code: 'a b c+', state: '' }],
  ['?code=a&code=b&state=c&state=c', {}],
  ['?code=%&state=%ff', {}],
  ['?code=%c3%a8', { code: 'è' }],
  ['?co%64e=a&CODE=b&code[]=c&__proto__=d', {}],
  ['?x=%&%=1&&=&code=a', { code: 'a' }],
  ['?error=access%5Fdenied', { error: 'access_denied' }],
  ['?error=a&error=b', { error: 'a' }],
  ['?error=%ff', { error: '' }],
  ['?error', { error: '' }],
  ['?code=a#&state=b', { code: 'a' }],
  ['#?code=a', {}],
] as const)
  test(`of ${query || 'no query'} is used ${JSON.stringify(expected)}`, async (t) => {
    t.strictSame(parseRedirect(`/callback${query}`), { ...none, ...expected })
  })
