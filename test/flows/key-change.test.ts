/** The private key is changed at Vonage while starts go on: none fails, with a second key or with a file that is replaced. */

import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { openService } from '../../src/compose.ts'
import { type Environment, parseConfig } from '../../src/config.ts'
import type { DocumentServer } from '../support/document-server.ts'
import { isSignedBy } from '../support/key-ring.ts'
import { createRsaKeys, privatePem } from '../support/keys.ts'
import { startMain } from '../support/main-process.ts'
import { call } from '../support/raw-http.ts'
import { answerStart, goodStart, openUpstream, settingsFor } from '../support/upstream.ts'

const [old, young] = [createRsaKeys(), createRsaKeys()]
const parallel = 8
const noLimits: Environment = {
  RATE_LIMIT_ADDRESS_PER_MINUTE: '0',
  RATE_LIMIT_CALLER_PER_MINUTE: '0',
  RATE_LIMIT_NUMBER_PER_HOUR: '0',
  VONAGE_REQUESTS_PER_SECOND: '1000',
}

/** A Vonage that verifies signatures, with one key at a time as the real one does. */
async function openVonage(t: Test) {
  const upstream = await openUpstream(t)
  let accepted = old
  let refused = 0
  upstream.documents.set(
    '/v0.1/network-enablement',
    async (request: IncomingMessage, response: ServerResponse) => {
      if (await isSignedBy(request.headers.authorization, accepted.publicKey, Date.now()))
        return answerStart(request, response)
      refused += 1
      response.writeHead(401).end()
    },
  )
  const accept = (keys: typeof old) => {
    accepted = keys
  }
  return { upstream, accept, refused: () => refused }
}

/** Starts, a few at a time. @returns how many ended with which status */
async function startMany(
  url: string,
  upstream: DocumentServer,
  times: number,
): Promise<Record<number, number>> {
  const request = goodStart(upstream)
  const statuses: Record<number, number> = {}
  let left = times
  async function work(): Promise<void> {
    while (left > 0) {
      left -= 1
      const { status, body } = await call(url, request)
      // A machine busy with other tests may shed load, before anything has run.
      if (body.includes('"overloaded"')) {
        left += 1
        await setTimeout(50)
        continue
      }
      statuses[status] = (statuses[status] ?? 0) + 1
    }
  }
  await Promise.all(Array.from({ length: parallel }, work))
  return statuses
}

/** Changes the key at Vonage while starts go on. */
async function proveChange(
  t: Test,
  url: string,
  { upstream, accept, refused }: Awaited<ReturnType<typeof openVonage>>,
  keys: typeof old,
): Promise<void> {
  const refusedBefore = refused()
  const running = startMany(url, upstream, 200)
  await startMany(url, upstream, 40)
  accept(keys)
  t.strictSame(Object.keys(await running), ['200'])
  const refusals = refused() - refusedBefore
  t.ok(refusals > 0 && refusals <= 2 * parallel, `${refusals} calls were refused`)
  t.strictSame(Object.keys(await startMany(url, upstream, 20)), ['200'])
  t.equal(refused() - refusedBefore, refusals, 'the winner is remembered')
}

test('with a second key no start fails when Vonage changes the key, nor when it changes back', async (t) => {
  const vonage = await openVonage(t)
  const settings = settingsFor(vonage.upstream, {
    ...noLimits,
    LOG_LEVEL: 'silent',
    VONAGE_PRIVATE_KEY: privatePem(old),
    VONAGE_PRIVATE_KEY_NEXT: privatePem(young),
  })
  const service = await openService(parseConfig(settings))
  t.teardown(() => service.close())
  await proveChange(t, service.url, vonage, young)
  await proveChange(t, service.url, vonage, old)
})

test('with a file that was replaced before no start fails either, confined as in the image', {
  timeout: 60_000,
}, async (t) => {
  const vonage = await openVonage(t)
  const directory = mkdtempSync(join(tmpdir(), 'key-change-'))
  t.teardown(() => rmSync(directory, { recursive: true }))
  const file = join(directory, 'key.pem')
  writeFileSync(file, privatePem(old))
  const settings = settingsFor(vonage.upstream, {
    ...noLimits,
    VONAGE_PRIVATE_KEY: undefined,
    VONAGE_PRIVATE_KEY_FILE: file,
    NODE_V8_COVERAGE: undefined,
  })
  const { logged } = startMain(t, { settings, nodeOptions: ['--permission', '--allow-fs-read=*'] })
  const { url } = await logged('listening')
  t.strictSame(await startMany(String(url), vonage.upstream, 1), { 200: 1 })
  writeFileSync(`${file}.new`, privatePem(young))
  const read = logged('private key file read anew')
  renameSync(`${file}.new`, file)
  t.equal((await read).setting, 'VONAGE_PRIVATE_KEY')
  await proveChange(t, String(url), vonage, young)
})
