/** Files of secrets: what is read, and that a secret given for a path is not shown. What is said: config-secrets.test.ts. */

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'tap'
import { readSecretFile, shownPath } from '../../src/settings/secret-file.ts'

test('the text of the file is read as it is', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'secret-file-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'a'), ' canary\n')
  t.equal(readSecretFile(join(folder, 'a'), 'A_FILE'), ' canary\n')
})

for (const path of [
  '/run/secrets/key',
  './key',
  '../keys/a b',
  '~/key',
  'key.pem',
  'keys/private.key',
  '/a/..data/b',
])
  test(`${path} is shown`, async (t) => t.equal(shownPath(path), path))

for (const secret of [
  'canary',
  '-----BEGIN PRIVATE KEY-----\ncanary',
  'redis://:canary@redis.example.com',
  'user:canary@redis.example.com',
  'Y2FuYXJ5/canary',
  '/canary+canary==',
  '/canary\0',
])
  test(`${JSON.stringify(secret)} given for a path is not shown`, async (t) => {
    t.throws(() => readSecretFile(secret, 'A_FILE'), { message: /^A_FILE(?!.*canary)/s })
  })
