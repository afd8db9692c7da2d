/**
 * https for apps, whose libraries and systems open nothing else: a TLS end in front of a listener that speaks http, and the
 * certificate that it shows. The authority behind the certificate is made once, so that a phone needs to trust it once.
 */

import { execFileSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { connect, isIP } from 'node:net'
import { join, resolve } from 'node:path'
import { pipeline } from 'node:stream'
import { createServer, type TlsOptions } from 'node:tls'
import { type Listener, listen } from './listen.ts'
import type { Options } from './options.ts'
import type { Simulator } from './simulator.ts'

/** Apple's systems refuse a server's certificate that is valid for more than 825 days. */
const certificateDays = '397'
const authorityDays = '3650'

/**
 * The authority may speak for networks that nobody owns and for nothing else, so that its key is of no use against
 * anybody's site. Not critical, since some systems refuse what they do not know.
 */
const authorityConfig = `
[req]
distinguished_name=name
x509_extensions=authority
[name]
[authority]
basicConstraints=critical,CA:true,pathlen:0
keyUsage=critical,keyCertSign
subjectKeyIdentifier=hash
nameConstraints=permitted;IP:127.0.0.0/255.0.0.0,permitted;IP:10.0.0.0/255.0.0.0,\
permitted;IP:172.16.0.0/255.240.0.0,permitted;IP:192.168.0.0/255.255.0.0,permitted;DNS:localhost,permitted;DNS:local
`

/** What phones trust. */
export function authorityFile({ 'https-folder': folder }: Options): string {
  return resolve(folder, 'ca.pem')
}

/** A new certificate for this host. Its authority is made if the folder has none, and stays there with its key. */
function createCredentials(folder: string, host: string): Pick<TlsOptions, 'cert' | 'key'> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const file = (name: string) => join(folder, name)
  const openssl = (command: string, ...more: string[]) =>
    execFileSync('openssl', [...command.split(' '), ...more], {
      cwd: folder,
      stdio: ['ignore', 'ignore', 'pipe'],
    })
  const newKey = '-sha256 -nodes -newkey ec -pkeyopt ec_paramgen_curve:P-256 -keyout'

  writeFileSync(file('ca.cnf'), authorityConfig)
  if (!existsSync(file('ca.pem'))) {
    const subject = ['-subj', '/CN=network-enablement-bff simulator, development only']
    openssl(`req -x509 -config ca.cnf ${newKey} ca-key.pem -days ${authorityDays} -out ca.pem`, ...subject)
  }
  const names = `subjectAltName=${isIP(host) ? 'IP' : 'DNS'}:${host},IP:127.0.0.1,DNS:localhost`
  writeFileSync(file('server.cnf'), `basicConstraints=CA:false\nextendedKeyUsage=serverAuth\n${names}\n`)
  openssl(`req -new -config ca.cnf ${newKey} server-key.pem -subj /CN=simulator -out server.csr`)
  const signing = '-CA ca.pem -CAkey ca-key.pem -CAcreateserial -extfile server.cnf'
  openssl(`x509 -req -sha256 -in server.csr ${signing} -days ${certificateDays} -out server.pem`)
  return { cert: readFileSync(file('server.pem')), key: readFileSync(file('server-key.pem')) }
}

/** Where devices reach whom, as https origins. */
export interface DeviceOrigins {
  operator: string
  identityProvider: string
  service: string
}

/** @throws Error when the host is a wildcard, which is no name */
export function deviceOrigins(options: Options): DeviceOrigins {
  if (/^[0:.]+$/.test(options.host)) throw new Error('--https needs the --host by which devices reach it')
  const origin = (port: number) => `https://${options.host}:${port}`
  return {
    operator: origin(options['https-port']),
    identityProvider: origin(options['https-idp-port']),
    service: origin(options['https-service-port']),
  }
}

/**
 * Opens a TLS end for each origin of devices. It passes the bytes on as they are, so that an app reads exactly what the
 * listener behind it writes. @throws Error when a port is taken, the host is not this machine's, or there is no openssl
 */
export async function openHttps(options: Options, simulator: Simulator, serviceUrl: string) {
  const origins = deviceOrigins(options)
  const credentials = createCredentials(resolve(options['https-folder']), options.host)
  const listeners = await Promise.all([
    openTlsEnd(credentials, origins.operator, simulator.operatorUrl),
    openTlsEnd(credentials, origins.identityProvider, simulator.issuer),
    openTlsEnd(credentials, origins.service, serviceUrl),
  ])
  return { close: () => Promise.all(listeners.map(({ close }) => close())) }
}

function openTlsEnd(credentials: TlsOptions, origin: string, target: string): Promise<Listener> {
  const [front, behind] = [new URL(origin), new URL(target)]
  const server = createServer(credentials, (socket) => {
    // A connection that breaks off is the peers' affair.
    pipeline(socket, connect(Number(behind.port || 80), behind.hostname), socket, () => {})
  })
  return listen(server, { host: front.hostname, port: Number(front.port), scheme: 'https' })
}
