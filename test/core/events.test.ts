/** The closed sets that events are made of. */
import assert from 'node:assert/strict'
import { test } from 'node:test'
import { oauthErrors } from '../../src/core/events.ts'

test('the errors of a redirect are the seven of OAuth and the one of CAMARA', () => {
  assert.deepEqual([...oauthErrors].sort(), [
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
