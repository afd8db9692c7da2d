/** The simulator as an app meets it: by https, with the authority that its phone trusts and no other. */

import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs'
import type { IncomingMessage } from 'node:http'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { type Test, test } from 'tap'
import { openService } from '../../src/compose.ts'
import { parseConfig } from '../../src/config.ts'
import { findFreePort } from '../support/free-port.ts'

const skip = spawnSync('openssl', ['version']).status === 0 ? false : 'openssl is not installed'

test('an app verifies a number by https alone, with the authority of an earlier run', { skip }, async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'simulator-https-'))
  t.teardown(() => rmSync(folder, { recursive: true }))
  const first = await startProcess(t, folder)
  await first.stop()
  const authority = readFileSync(join(folder, 'ca.pem'), 'utf8')
  const { env, origins, servicePort } = await startProcess(t, folder)
  t.equal(readFileSync(join(folder, 'ca.pem'), 'utf8'), authority)
  t.equal(statSync(folder).mode & 0o077, 0)

  const own = { HOST: '127.0.0.1', PORT: String(servicePort), MANAGEMENT_PORT: '0', LOG_LEVEL: 'silent' }
  const service = await openService(parseConfig({ ...env, ...own }))
  t.teardown(() => service.close())

  const member = { client_id: 'alice', client_secret: 'simulator-secret' }
  const form = new URLSearchParams({ grant_type: 'client_credentials', ...member })
  const formHeaders = { 'content-type': 'application/x-www-form-urlencoded' }
  const token = await send(authority, `${origins.identityProvider}/token`, formHeaders, form.toString())
  const headers = { authorization: `Bearer ${token.body.access_token}`, 'content-type': 'application/json' }

  const start = '{"phone_number":"+99012345678"}'
  const started = await send(authority, `${origins.service}/v1/network-enablement`, headers, start)
  let landed = await send(authority, String(started.body.auth_url))
  const opened = [started.body.auth_url]
  for (let next = landed.headers.location; next !== undefined; next = landed.headers.location) {
    opened.push(next)
    landed = await send(authority, next)
  }
  for (const url of opened) t.match(String(url), /^https:/)
  t.ok(landed.rawHeaders.includes('Content-Type'), 'the names of headers stay as the service writes them')

  const finish = `${origins.service}/v1/number-verification`
  const finished = await send(authority, finish, headers, JSON.stringify(landed.body))
  t.equal(finished.body.phone_number_verified, true)
})

/** The simulator as a process on free ports, and where an app reaches whom. */
async function startProcess(t: Test, folder: string) {
  const [port, idpPort, httpsPort, httpsIdpPort, httpsServicePort, servicePort] = [
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
    await findFreePort(),
  ]
  const args = [
    ...['--https', '--https-folder', folder, '--service-url', `http://127.0.0.1:${servicePort}`],
    ...['--port', String(port), '--idp-port', String(idpPort), '--https-port', String(httpsPort)],
    ...['--https-idp-port', String(httpsIdpPort), '--https-service-port', String(httpsServicePort)],
  ]
  const main = fileURLToPath(new URL('../../simulator/main.ts', import.meta.url))
  const child = spawn(process.execPath, [main, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  const exited = once(child, 'exit')
  async function stop(): Promise<void> {
    child.kill('SIGTERM')
    await exited
  }
  t.teardown(stop)
  const [output] = (await once(child.stdout, 'data')) as [Buffer]
  return {
    env: parseEnv(output.toString()),
    origins: {
      identityProvider: `https://127.0.0.1:${httpsIdpPort}`,
      service: `https://127.0.0.1:${httpsServicePort}`,
    },
    servicePort,
    stop,
  }
}

/** A GET, or a POST when there is a body, by a client that trusts this authority alone and follows nothing. */
async function send(ca: string, url: string, headers: Record<string, string> = {}, body?: string) {
  const sent = request(url, { ca, headers, method: body === undefined ? 'GET' : 'POST' })
  sent.end(body)
  const [response] = (await once(sent, 'response')) as [IncomingMessage]
  const text = (await response.toArray()).join('')
  return {
    headers: response.headers,
    rawHeaders: response.rawHeaders,
    body: (text.startsWith('{') ? JSON.parse(text) : {}) as Record<string, unknown>,
  }
}
