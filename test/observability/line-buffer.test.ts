/** Lines for a reader that is slow, gone or back again: nothing waits for it, and each line is written or counted. */

import { Writable } from 'node:stream'
import { test } from 'tap'
import { createLineBuffer } from '../../src/observability/line-buffer.ts'

/** More than may wait for the reader. */
const tooMuch = 1024 * 1024 + 8192

/** A stream that takes nothing until it is told to, and then takes all or fails. */
function openBuffer() {
  const held: (() => void)[] = []
  let taking = false
  let error: Error | undefined
  let text = ''
  const output = new Writable({
    decodeStrings: false,
    autoDestroy: false,
    write(chunk: string, _encoding, done) {
      const take = () => {
        if (!error) text += chunk
        done(error)
      }
      if (taking) take()
      else held.push(take)
    },
  })
  const dropped: number[] = []
  const recovered: number[] = []
  const buffer = createLineBuffer({
    output,
    onDropped: (lines) => void dropped.push(lines),
    onRecovered: (lines) => void recovered.push(lines),
  })
  return {
    ...buffer,
    recovered,
    dropped: () => dropped.reduce((sum, lines) => sum + lines, 0),
    lines: () => text.split('\n').slice(0, -1),
    async take() {
      taking = true
      for (const each of held.splice(0)) each()
      await new Promise((resolve) => setImmediate(resolve))
    },
    fail(reason: Error | undefined) {
      error = reason
    },
  }
}

function fill({ write }: ReturnType<typeof openBuffer>): number {
  let lines = 0
  for (let length = 0; length < tooMuch; length += 100) write(`${String(lines++).padStart(99, '0')}\n`)
  return lines
}

test('lines are written in order, when enough have gathered or when told to', async (t) => {
  const buffer = openBuffer()
  await buffer.take()
  buffer.write('first\n')
  t.strictSame(buffer.lines(), [])
  buffer.flush()
  buffer.flush()
  t.strictSame(buffer.lines(), ['first'])
  buffer.write(`${'x'.repeat(4096)}\n`)
  t.equal(buffer.lines().length, 2)
  await buffer.close()
  t.strictSame([buffer.dropped(), buffer.recovered], [0, []])
})

test('beyond a megabyte that nobody reads lines are counted instead, and told when all that waited is read', async (t) => {
  const buffer = openBuffer()
  const written = fill(buffer)
  const dropped = buffer.dropped()
  t.ok(dropped > 0 && dropped < 200)
  await buffer.take()
  t.strictSame(buffer.recovered, [dropped])
  t.equal(buffer.lines().length, written - dropped)
  buffer.write('again\n')
  await buffer.close()
  t.equal(buffer.lines().at(-1), 'again')
  t.strictSame([buffer.dropped(), buffer.recovered], [dropped, [dropped]])
})

test('lines that cannot be written are counted, and later ones are tried again', async (t) => {
  const buffer = openBuffer()
  await buffer.take()
  buffer.fail(new Error('the disk is full'))
  buffer.write('first\n')
  buffer.write('second\n')
  buffer.flush()
  await new Promise((resolve) => setImmediate(resolve))
  t.strictSame([buffer.dropped(), buffer.recovered], [2, []])
})

test('the close waits until all is read', async (t) => {
  const buffer = openBuffer()
  buffer.write('last\n')
  const closed = buffer.close()
  await buffer.take()
  await closed
  t.strictSame(buffer.lines(), ['last'])
})

test('the close does not wait for ever for a reader that reads nothing', async (t) => {
  const buffer = openBuffer()
  fill(buffer)
  const beganMs = performance.now()
  await buffer.close()
  t.ok(performance.now() - beganMs < 3000)
  t.strictSame(buffer.lines(), [])
})

test('many buffers of one output listen to its errors once', async (t) => {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const ignore = () => undefined
  for (let n = 0; n < 20; n++) createLineBuffer({ output, onDropped: ignore, onRecovered: ignore })
  t.equal(output.listenerCount('error'), 1)
})
