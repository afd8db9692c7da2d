/**
 * Servers' faults by name, as bytes on a socket that has just received a request. For `startRawServer`.
 * Those in `hangs` end with the client's deadline only; those in `breakages` leave no doubt at once that the answer is lost.
 */
import type { Socket } from 'node:net'
import { drip, flood } from './raw-server.ts'

type Fault = (socket: Socket) => void

/** The bound that the client promises on a body. */
export const capBytes = 64 * 1024

export const write =
  (text: string): Fault =>
  (socket) =>
    void socket.write(text)
const end =
  (text: string): Fault =>
  (socket) =>
    void socket.end(text)

/** A head of status 200, up to and with its empty line. */
export const head = (...lines: string[]) => ['HTTP/1.1 200 OK', ...lines, '', ''].join('\r\n')
const chunked = head('transfer-encoding: chunked')

/** A whole answer of status 200. */
export const answer = (body = '{}', ...lines: string[]) =>
  head(`content-length: ${body.length}`, ...lines) + body

export const hangs: Record<string, Fault> = {
  'no answer': () => {},
  'half a status line': write('HTTP/1.1 20'),
  'half a head': write('HTTP/1.1 200 OK\r\ncontent-length: 2\r\n'),
  'a drip of header bytes': (socket) => {
    socket.write('HTTP/1.1 200 OK\r\nx-drip: ')
    drip(socket, 'a')
  },
  'a flood of 103 answers': (socket) => drip(socket, 'HTTP/1.1 103 Early Hints\r\nlink: </a>\r\n\r\n'),
  'a head without its body': write(head('content-length: 2')),
  'a body that stops': write(`${head('content-length: 1000')}{"a":`),
  'a chunked body without its end': write(`${chunked}2\r\n{}\r\n`),
  'a drip of body bytes': (socket) => {
    socket.write(head('content-length: 60000'))
    drip(socket, ' ')
  },
  'a drip of chunks': (socket) => {
    socket.write(chunked)
    drip(socket, '1\r\n \r\n')
  },
  'a body up to the end of a connection that stays': write(`${head('connection: close')}{}`),
}

export const breakages: Record<string, Fault> = {
  'a reset before the answer': (socket) => socket.resetAndDestroy(),
  'a FIN before the answer': (socket) => socket.end(),
  'a FIN within the head': end('HTTP/1.1 200 OK\r\ncontent-le'),
  'a FIN within the body': end(`${head('content-length: 10')}{}`),
  'a FIN within a chunked body': end(`${chunked}5\r\n{`),
  'a reset within the body': (socket) =>
    void socket.write(`${head('content-length: 10')}{}`, () => setImmediate(() => socket.resetAndDestroy())),
  'a giant body by its length': (socket) => {
    socket.write(head('content-length: 1000000000'))
    flood(socket, Buffer.alloc(capBytes, ' '), 1e9 / capBytes)
  },
  'a giant chunked body': (socket) => {
    socket.write(chunked)
    flood(socket, Buffer.from(`1000\r\n${' '.repeat(4096)}\r\n`), 1e9 / 4096)
  },
  'one byte over the cap by its length': write(answer(' '.repeat(capBytes + 1))),
  'one byte over the cap in a chunk': write(`${chunked}10001\r\n${' '.repeat(capBytes + 1)}\r\n0\r\n\r\n`),
  'a header of 20 KiB': write(answer('{}', `x-large: ${'a'.repeat(20 * 1024)}`)),
  '20 KiB of small headers': write(
    answer('{}', ...Array.from({ length: 1024 }, () => 'x-small: aaaaaaaaaaaa')),
  ),
  'bytes of another protocol': write('SSH-2.0-OpenSSH_9.6\r\n'),
  'HTTP/0.9': end('<html></html>'),
  'a frame of HTTP/2': (socket) => void socket.write(Buffer.from('000000040000000000', 'hex')),
  'a header without a colon': write(head('nonsense')),
  'a length that is none': write(head('content-length: two')),
  'both a length and chunks': write(
    `${head('content-length: 2', 'transfer-encoding: chunked')}2\r\n{}\r\n0\r\n\r\n`,
  ),
  'two different lengths': write(`${head('content-length: 2', 'content-length: 3')}{}`),
  'a chunk size that is none': write(`${chunked}zz\r\n{}\r\n`),
  'an upgrade that nobody asked for': write(
    'HTTP/1.1 101 Switching Protocols\r\nconnection: upgrade\r\nupgrade: h2c\r\n\r\n',
  ),
  'a 100 that nobody asked for': write(`HTTP/1.1 100 Continue\r\n\r\n${answer()}`),
}
