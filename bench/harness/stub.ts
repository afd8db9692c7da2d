/**
 * The upstream of every contestant: nginx with fixed answers, several times cheaper than any of them. It is also the identity
 * provider, as far as one is asked: discovery and the key set.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { findFreePort } from '../../test/support/free-port.ts'
import { cores, pinned } from './cores.ts'

export const scope = 'dpv:FraudPreventionAndDetection#number-verification-verify-read'
/** As long as Vonage's are. */
const authUrl = `https://api-eu.vonage.com/oauth2/auth?client_id=0d3f7a52&response_type=code&scope=openid+dpv&state=v2_${'0a1b2c3d'.repeat(40)}`
export const expectedReply = { auth_url: authUrl, requires_carrier_network: true }

export interface Stub {
  url: string
  stop(): Promise<void>
}

/** @param keySet the JWKS as JSON */
export async function startStub(keySet: object): Promise<Stub> {
  const directory = mkdtempSync(join(tmpdir(), 'bench-stub-'))
  const port = await findFreePort()
  const url = `http://127.0.0.1:${port}`
  const answers = {
    '/v0.1/network-enablement': { scopes: { [scope]: expectedReply } },
    '/.well-known/openid-configuration': { issuer: url, jwks_uri: `${url}/.well-known/jwks.json` },
    '/.well-known/jwks.json': keySet,
  }
  writeFileSync(join(directory, 'nginx.conf'), configuration(directory, port, answers))
  const [command, args] = pinned(cores.load, 'nginx', [
    '-p',
    directory,
    '-c',
    'nginx.conf',
    '-e',
    'error.log',
  ])
  const child = spawn(command, args, { stdio: ['ignore', 'inherit', 'inherit'] })
  const killed = () => void child.kill('SIGTERM')
  process.once('exit', killed)
  for (let tries = 0; !(await answersAt(url)); tries++) {
    if (tries > 100) throw new Error('the stub does not answer')
    await setTimeout(20)
  }
  return {
    url,
    async stop() {
      process.off('exit', killed)
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

function configuration(directory: string, port: number, answers: Record<string, object>): string {
  const locations = Object.entries(answers).map(
    ([path, body]) => `location = ${path} { return 200 '${JSON.stringify(body)}'; }`,
  )
  return `
daemon off;
${process.getuid?.() === 0 ? 'user root;' : ''}
worker_processes 1;
pid ${directory}/nginx.pid;
events { worker_connections 4096; }
http {
  access_log off;
  default_type application/json;
  keepalive_requests 1000000000;
  keepalive_timeout 600s;
  ${['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${directory};`).join(' ')}
  server {
    listen 127.0.0.1:${port};
    ${locations.join('\n    ')}
  }
}
`
}

async function answersAt(url: string): Promise<boolean> {
  return fetch(`${url}/.well-known/jwks.json`).then(
    ({ ok }) => ok,
    () => false,
  )
}
