/** An authority, a server's certificate for 127.0.0.1 and a client's, made by openssl for one test file. */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Owner, redisMissing } from './redis-server.ts'

/** Why tests of TLS are skipped; false when all is there. */
export const redisTlsMissing = redisMissing || whyNoTls()

function whyNoTls(): string | false {
  if (spawnSync('openssl', ['version']).status !== 0) return 'openssl is not installed'
  // It stops at the first setting that it does not know.
  const { stderr } = spawnSync('redis-server', ['--tls-port', '0', '--no-such-setting', '1'])
  return String(stderr).includes('tls-port') ? 'redis-server is built without TLS' : false
}

export interface TlsFiles {
  directory: string
  /** PEM of `<name>.crt` and `<name>.key`, where the name is `ca`, `server`, `client` or `other-ca`. */
  read(file: string): string
  /** Of the client, for who connects. */
  tls: { ca: string; cert: string; key: string }
  /** Of a server that speaks TLS alone. */
  serverSettings: string[]
}

export function createTlsFiles(owner: Owner): TlsFiles {
  const directory = mkdtempSync(join(tmpdir(), 'redis-tls-'))
  owner.teardown(() => rmSync(directory, { recursive: true, force: true }))
  const openssl = (...args: string[]) =>
    execFileSync('openssl', args, { cwd: directory, stdio: ['ignore', 'ignore', 'pipe'] })
  const newKey = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-noenc']

  for (const name of ['ca', 'other-ca'])
    openssl(
      'req',
      '-x509',
      ...newKey,
      '-keyout',
      `${name}.key`,
      '-out',
      `${name}.crt`,
      '-subj',
      `/CN=${name}`,
    )
  for (const name of ['server', 'client']) {
    openssl('req', ...newKey, '-keyout', `${name}.key`, '-out', `${name}.csr`, '-subj', `/CN=${name}`)
    writeFileSync(join(directory, 'names'), 'subjectAltName=IP:127.0.0.1')
    const signed = ['-CA', 'ca.crt', '-CAkey', 'ca.key', '-CAcreateserial', '-extfile', 'names']
    openssl('x509', '-req', '-in', `${name}.csr`, '-out', `${name}.crt`, ...signed)
  }
  const read = (file: string) => readFileSync(join(directory, file), 'utf8')
  const files = { 'ca-cert': 'ca.crt', cert: 'server.crt', key: 'server.key' }
  return {
    directory,
    read,
    tls: { ca: read('ca.crt'), cert: read('client.crt'), key: read('client.key') },
    serverSettings: [
      ...['--port', '0'],
      ...Object.entries(files).flatMap(([name, file]) => [`--tls-${name}-file`, join(directory, file)]),
    ],
  }
}
