/** The log: JSON lines, errors without their messages, and nothing lost at the end. */

import { execFile } from 'node:child_process'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { type Test, test } from 'tap'
import { createLog, describeError } from '../../src/observability/logger.ts'
import { fakeIntervals, passIntervals } from '../support/fake-intervals.ts'

function openLog(t: Test, level: string) {
  const lines: string[] = []
  let flushes = 0
  const log = createLog({
    level,
    stream: { write: (line: string) => void lines.push(line), flush: () => void flushes++ },
  })
  t.teardown(() => log.close())
  return { ...log, lines, flushes: () => flushes }
}

test('a line is one JSON object with the level by name, the time and the message', async (t) => {
  const { logger, lines } = openLog(t, 'info')
  logger.info({ status: 200 }, 'request')
  t.equal(lines.length, 1)
  t.ok(lines[0]?.endsWith('}\n'))
  const { time, ...rest } = JSON.parse(lines[0] ?? '')
  t.strictSame(rest, { level: 'info', status: 200, msg: 'request' })
  t.equal(new Date(time).toISOString(), time)
})

test('a line stays one line, whatever its fields hold', async (t) => {
  const { logger, lines } = openLog(t, 'info')
  const hostile = 'a\r\n{"level":"fatal"}\u2028\u001b[31m\0'
  logger.info({ hostile }, hostile)
  t.equal(lines.join('').split(/\r?\n/).length, 2)
  t.strictSame(JSON.parse(lines[0] ?? '').hostile, hostile)
})

for (const [level, written] of [
  ['error', ['error']],
  ['info', ['info', 'warn', 'error']],
  ['trace', ['trace', 'info', 'warn', 'error']],
  ['silent', []],
] as const)
  test(`at level ${level} only what is as grave is written`, async (t) => {
    const { logger, lines } = openLog(t, level)
    for (const each of ['trace', 'info', 'warn', 'error'] as const) logger[each]('a message')
    t.strictSame(
      lines.map((line) => JSON.parse(line).level),
      written,
    )
  })

test('an error is written without its message, and so is its cause', async (t) => {
  const { logger, lines } = openLog(t, 'info')
  const cause = Object.assign(new TypeError('canary-cause +99012345678'), {
    code: 'ECONNRESET',
    headers: { authorization: 'canary-header' },
  })
  logger.error({ err: new Error('canary-message\nat canary', { cause }) }, 'request failed')
  const { err } = JSON.parse(lines[0] ?? '')
  t.notMatch(lines[0] ?? '', /canary|\+990/)
  t.equal(err.name, 'Error')
  t.ok(err.stack.length > 0)
  for (const frame of err.stack) t.equal(typeof frame, 'string')
  t.equal(err.cause.name, 'TypeError')
  t.equal(err.cause.code, 'ECONNRESET')
})

test('an error that is its own cause is described a few times, and no more', async (t) => {
  const error = new Error('canary')
  error.cause = error
  t.ok(JSON.stringify(describeError(error)).split('"cause"').length <= 10)
})

test('only errors are described', async (t) => {
  for (const value of [undefined, null, 'canary', 1, { message: 'canary' }])
    t.equal(describeError(value), undefined)
  const bare = Object.assign(new Error('canary'), { stack: undefined }) as unknown as Error
  t.strictSame(describeError(bare), {
    name: 'Error',
    code: undefined,
    stack: undefined,
    cause: undefined,
  })
})

test('what is buffered is written from time to time, and at the close', async (t) => {
  fakeIntervals(t)
  const { close, flushes } = openLog(t, 'info')
  passIntervals(1000)
  const duringLife = flushes()
  t.ok(duringLife > 0)
  await close()
  t.equal(flushes(), duringLife + 1)
  passIntervals(1000)
  t.equal(flushes(), duringLife + 1)
})

test('a stream that has nothing to flush is fine', async (t) => {
  const log = createLog({ level: 'info', stream: { write: () => {} } })
  await t.resolves(log.close())
})

/** Writes 100 lines to standard output, then to the error output how many were dropped. */
const hundredLines = `
  import { openLog } from ${JSON.stringify(join(import.meta.dirname, '../../src/observability/logger.ts'))}
  let dropped = 0
  const log = openLog({ level: 'info', events: ({ count }) => { dropped += count } })
  for (let n = 0; n < 100; n++) log.logger.info({ n }, 'a message')
  await log.close()
  console.error(dropped)
  process.exit()`

const runHundredLines = (redirection: string) =>
  promisify(execFile)('sh', [
    '-c',
    `exec "$0" --input-type=module -e "$1" ${redirection}`,
    process.execPath,
    hundredLines,
  ])

test('a process that ends after the close has written every line to standard output', async (t) => {
  for (const redirection of ['', '| cat']) {
    const { stdout, stderr } = await runHundredLines(redirection)
    const lines = stdout.trimEnd().split('\n')
    t.strictSame(
      lines.map((line) => JSON.parse(line).n),
      Array.from({ length: 100 }, (_, n) => n),
    )
    t.equal(stderr, '0\n')
  }
})

test('a full disk costs lines, which are counted, and nothing else', async (t) => {
  t.equal((await runHundredLines('> /dev/full')).stderr, '100\n')
})
