/**
 * HTTP as bytes on a socket, so that a test can send what no client library would, and sees exactly what came back.
 */

import { connect } from 'node:net'
import { setTimeout as wait } from 'node:timers/promises'
import { must } from './must.ts'

export interface RawAnswer {
  status: number
  /** For lookups in any case. */
  headers: Headers
  /** The header lines as they came. */
  lines: string[]
  body: string
}

export interface RawRequest {
  method?: string
  target?: string
  /** A list is sent as that many headers; `undefined` leaves a default one out. */
  headers?: Record<string, string | readonly string[] | undefined>
  body?: string
}

/** Longer than anything here may take; a connection that is still open then fails the test. */
const patienceMs = 5000

/** An HTTP/1.1 request with Host, Connection: close and, for a body, its length, unless these are given. */
export function requestBytes({ method = 'GET', target = '/', headers = {}, body = '' }: RawRequest): string {
  const length = body === '' ? {} : { 'content-length': String(Buffer.byteLength(body)) }
  const all = Object.entries({ host: 'bff.example', connection: 'close', ...length, ...headers })
  const lines = all.flatMap(([name, value]) => [value ?? []].flat().map((one) => `${name}: ${one}\r\n`))
  return `${method} ${target} HTTP/1.1\r\n${lines.join('')}\r\n${body}`
}

/** Sends the bytes and reads until the other side has closed. @returns every answer in order, 1xx ones too */
export async function speak(url: string, bytes: string | Buffer): Promise<RawAnswer[]> {
  const { hostname, port } = new URL(url)
  const text = await new Promise<string>((resolve, reject) => {
    const chunks: Buffer[] = []
    const socket = connect({ host: hostname.replace(/[[\]]/g, ''), port: Number(port) })
    const timer = setTimeout(() => socket.destroy(new Error('the connection stays open')), patienceMs)
    socket.on('data', (chunk) => chunks.push(chunk))
    socket.on('error', reject)
    socket.on('close', () => {
      clearTimeout(timer)
      resolve(Buffer.concat(chunks).toString('latin1'))
    })
    socket.write(bytes)
  })
  return parseAnswers(text, String(bytes).startsWith('HEAD '))
}

/** Sends one request and expects one answer and a closed connection. */
export async function call(url: string, request: RawRequest): Promise<RawAnswer> {
  return only(await speak(url, requestBytes(request)))
}

/** The same, made again while load is shed, which a machine busy with other tests may set off: nothing has run or been counted. */
export async function callWhenCalm(url: string, request: RawRequest): Promise<RawAnswer> {
  const answer = await call(url, request)
  if (!answer.body.includes('"overloaded"')) return answer
  await wait(50)
  return callWhenCalm(url, request)
}

export function only(answers: RawAnswer[]): RawAnswer {
  const [answer, ...more] = answers
  must(answer, 'expected an answer')
  must(more.length === 0, 'expected one answer')
  return answer
}

function parseAnswers(text: string, isHead: boolean): RawAnswer[] {
  const answers: RawAnswer[] = []
  let rest = text
  while (rest !== '') {
    const headEnd = rest.indexOf('\r\n\r\n')
    const [statusLine = '', ...lines] = rest.slice(0, headEnd).split('\r\n')
    const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
    must(headEnd > 0 && status >= 100, `not an HTTP answer: ${rest.slice(0, 40)}`)
    const headers = new Headers(
      lines.map((line) => [line.split(':', 1)[0] ?? '', line.replace(/^[^:]*:/, '')]),
    )
    const hasNoBody = status < 200 || status === 204 || status === 304 || isHead
    const length = hasNoBody ? 0 : Number(headers.get('content-length') ?? Number.NaN)
    must(length >= 0, 'an answer without Content-Length')
    rest = rest.slice(headEnd + 4)
    answers.push({ status, headers, lines, body: Buffer.from(rest.slice(0, length), 'latin1').toString() })
    rest = rest.slice(length)
  }
  return answers
}
