/** The closed sets that events are made of. */
import { test } from 'tap'
import { oauthErrors } from '../../src/core/events.ts'

test('the errors of a redirect are the seven of OAuth and the one of CAMARA', async (t) => {
  t.strictSame([...oauthErrors].sort(), [
    'access_denied',
    'consent_required',
    'invalid_request',
    'invalid_scope',
    'server_error',
    'temporarily_unavailable',
    'unauthorized_client',
    'unsupported_response_type',
  ])
})
