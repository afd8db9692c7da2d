/** Lines for a reader that is slow, gone or back again: nothing waits for it, and each line is written or counted. */
import assert from 'node:assert/strict'
import { Writable } from 'node:stream'
import { test } from 'node:test'
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

test('lines are written in order, when enough have gathered or when told to', async () => {
  const buffer = openBuffer()
  await buffer.take()
  buffer.write('first\n')
  assert.deepEqual(buffer.lines(), [])
  buffer.flush()
  buffer.flush()
  assert.deepEqual(buffer.lines(), ['first'])
  buffer.write(`${'x'.repeat(4096)}\n`)
  assert.equal(buffer.lines().length, 2)
  await buffer.close()
  assert.deepEqual([buffer.dropped(), buffer.recovered], [0, []])
})

test('beyond a megabyte that nobody reads lines are counted instead, and told when all that waited is read', async () => {
  const buffer = openBuffer()
  const written = fill(buffer)
  const dropped = buffer.dropped()
  assert.ok(dropped > 0 && dropped < 200)
  await buffer.take()
  assert.deepEqual(buffer.recovered, [dropped])
  assert.equal(buffer.lines().length, written - dropped)
  buffer.write('again\n')
  await buffer.close()
  assert.equal(buffer.lines().at(-1), 'again')
  assert.deepEqual([buffer.dropped(), buffer.recovered], [dropped, [dropped]])
})

test('lines that cannot be written are counted, and later ones are tried again', async () => {
  const buffer = openBuffer()
  await buffer.take()
  buffer.fail(new Error('the disk is full'))
  buffer.write('first\n')
  buffer.write('second\n')
  buffer.flush()
  await new Promise((resolve) => setImmediate(resolve))
  assert.deepEqual([buffer.dropped(), buffer.recovered], [2, []])
})

test('the close waits until all is read', async () => {
  const buffer = openBuffer()
  buffer.write('last\n')
  const closed = buffer.close()
  await buffer.take()
  await closed
  assert.deepEqual(buffer.lines(), ['last'])
})

test('the close does not wait for ever for a reader that reads nothing', async () => {
  const buffer = openBuffer()
  fill(buffer)
  const beganMs = performance.now()
  await buffer.close()
  assert.ok(performance.now() - beganMs < 3000)
  assert.deepEqual(buffer.lines(), [])
})

test('many buffers of one output listen to its errors once', () => {
  const output = new Writable({ write: (_chunk, _encoding, done) => done() })
  const ignore = () => undefined
  for (let n = 0; n < 20; n++) createLineBuffer({ output, onDropped: ignore, onRecovered: ignore })
  assert.equal(output.listenerCount('error'), 1)
})
