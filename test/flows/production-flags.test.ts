/** The service as the image starts it, with every flag of the Dockerfile: a whole verification works, and little else. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { test } from 'tap'
import { startSimulator } from '../../simulator/simulator.ts'
import { listeningSettings } from '../support/environment.ts'
import { findFreePort } from '../support/free-port.ts'
import { createRsaKeys, privatePem } from '../support/keys.ts'
import { startMain } from '../support/main-process.ts'
import { callbackPath, finishPath, openAuthUrl, startPath } from '../support/service.ts'

const dockerfile = readFileSync(join(import.meta.dirname, '../../Dockerfile'), 'utf8')
const [, command = ''] = /^CMD (\["node", .*"dist\/main\.js"\])$/m.exec(dockerfile) ?? []
const nodeOptions = (JSON.parse(command) as string[]).slice(1, -1)

/** On a signal, tries what a taken process would, and prints the code of each refusal. */
const attempts = `process.once('SIGWINCH', async () => {
  const { writeFileSync } = await import('node:fs')
  const { spawnSync } = await import('node:child_process')
  const { Worker } = await import('node:worker_threads')
  const codeOf = (attempt) => { try { attempt(); return 'done' } catch ({ code }) { return code } }
  console.log(JSON.stringify({
    msg: 'attempts',
    write: codeOf(() => writeFileSync('/tmp/nebff-production-flags', '')),
    spawn: codeOf(() => { throw spawnSync('id').error ?? { code: 'done' } }),
    worker: codeOf(() => new Worker('0', { eval: true })),
    addon: codeOf(() => process.dlopen({ exports: {} }, '/nowhere.node')),
    proto: typeof {}.__proto__,
  }))
})`

test('with the flags of the image a verification succeeds, and writing, processes, threads and native code are refused', async (t) => {
  t.ok(nodeOptions.includes('--permission') && nodeOptions.includes('--disable-proto=delete'))
  const port = await findFreePort(20_000)
  const url = `http://127.0.0.1:${port}`
  const redirectUri = `${url}${callbackPath}`
  const privateKeyPem = privatePem(createRsaKeys())
  const simulator = await startSimulator({ redirectUri, privateKeyPem, requestsPerSecond: 0 })
  t.teardown(() => simulator.close())
  const settings = listeningSettings({
    PORT: String(port),
    AUTH_ISSUER: simulator.issuer,
    AUTH_AUDIENCE: simulator.audience,
    VONAGE_APPLICATION_ID: simulator.applicationId,
    VONAGE_PRIVATE_KEY: privateKeyPem,
    VONAGE_REDIRECT_URI: redirectUri,
    VONAGE_API_URL: simulator.operatorUrl,
    VONAGE_TOKEN_URL: simulator.tokenUrl,
    // Nobody collects, which must cost nothing; what matters is that the code is loaded.
    OTEL_EXPORTER_OTLP_ENDPOINT: 'http://127.0.0.1:1',
  })
  const { child, logged, exited, stderr } = startMain(t, { settings, nodeOptions, before: attempts })
  await logged('listening')

  const token = await simulator.issueAccessToken('alice')
  const post = async (path: string, body: object) => {
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    return (await fetch(url + path, { method: 'POST', headers, body: JSON.stringify(body) })).json()
  }
  const { auth_url } = (await post(startPath, { phone_number: '+99012345678' })) as { auth_url: string }
  const { body } = await openAuthUrl(auth_url)
  t.strictSame(await post(finishPath, body), {
    phone_number: '+99012345678',
    phone_number_verified: true,
  })

  child.kill('SIGWINCH')
  const { msg: _, ...refusals } = await logged('attempts')
  t.strictSame(refusals, {
    write: 'ERR_ACCESS_DENIED',
    spawn: 'ERR_ACCESS_DENIED',
    worker: 'ERR_ACCESS_DENIED',
    addon: 'ERR_DLOPEN_DISABLED',
    proto: 'undefined',
  })
  child.kill('SIGTERM')
  t.equal(await exited, 0)
  t.strictSame(stderr, [])
})
