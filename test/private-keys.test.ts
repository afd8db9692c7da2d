/** The private keys' files: changed in every way that a file is changed in, and read while the service runs. */
import assert from 'node:assert/strict'
import { execFileSync } from 'node:child_process'
import {
  closeSync,
  constants,
  mkdirSync,
  mkdtempSync,
  openSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type TestContext, test } from 'node:test'
import { setImmediate } from 'node:timers/promises'
import { parseConfig } from '../src/config.ts'
import { openPrivateKeys } from '../src/private-keys.ts'
import { requiredSettings } from './support/environment.ts'
import { isSignedBy } from './support/key-ring.ts'
import { createRsaKeys, privatePem } from './support/keys.ts'
import { recordLog } from './support/public-server.ts'
import { systemClock } from './support/system-clock.ts'
import { recordEvents } from './support/unobserved.ts'

const pollIntervalMs = 5000
const [old, young] = [createRsaKeys(), createRsaKeys()]
const weak = createRsaKeys(1024)

function folder(t: TestContext): string {
  const path = mkdtempSync(join(tmpdir(), 'private-keys-'))
  t.after(() => rmSync(path, { recursive: true }))
  return path
}

function setUp(t: TestContext, settings: Record<string, string | undefined>) {
  t.mock.timers.enable({ apis: ['setInterval'] })
  const { logger, log } = recordLog(t)
  const config = parseConfig({ ...requiredSettings(), VONAGE_PRIVATE_KEY: privatePem(old), ...settings })
  const { events: sink, seen: events } = recordEvents()
  const keys = openPrivateKeys(config, {
    clock: systemClock,
    log: logger,
    events: sink,
  })
  t.after(() => keys.close())
  const messages = () => log.entries().map(({ level, msg }) => `${level} ${msg}`)

  /** Lets the files be read so often that something is logged. */
  async function nextMessage(): Promise<string | undefined> {
    const before = log.lines.length
    while (log.lines.length === before) {
      t.signal.throwIfAborted()
      t.mock.timers.tick(pollIntervalMs)
      await setImmediate()
    }
    return messages().at(-1)
  }

  /** Is this the key that is tried once Vonage refuses the one in use? */
  async function isTriedNext({ publicKey }: typeof old): Promise<boolean> {
    return isSignedBy(await keys.replace(await keys.current()), publicKey, Date.now())
  }

  return { keys, events, log, messages, nextMessage, isTriedNext }
}

const changes: Record<string, (directory: string) => void> = {
  'a file that is renamed over it'(directory) {
    writeFileSync(join(directory, 'new.pem'), privatePem(young))
    renameSync(join(directory, 'new.pem'), join(directory, 'key.pem'))
  },
  'new content, with its line breaks written as \\n'(directory) {
    writeFileSync(join(directory, 'key.pem'), privatePem(young).replaceAll('\n', '\\n'))
  },
  'a symbolic link that is turned, as Kubernetes does'(directory) {
    mkdirSync(join(directory, '..v2'))
    writeFileSync(join(directory, '..v2', 'key.pem'), privatePem(young))
    symlinkSync('..v2', join(directory, '..data_tmp'))
    renameSync(join(directory, '..data_tmp'), join(directory, '..data'))
  },
}

for (const [what, change] of Object.entries(changes))
  test(`a key file is read anew after ${what}`, { timeout: 10_000 }, async (t) => {
    const directory = folder(t)
    mkdirSync(join(directory, '..v1'))
    writeFileSync(join(directory, '..v1', 'key.pem'), privatePem(old))
    symlinkSync('..v1', join(directory, '..data'))
    symlinkSync(join('..data', 'key.pem'), join(directory, 'key.pem'))
    const file = join(directory, 'key.pem')
    const { keys, nextMessage, isTriedNext } = setUp(t, {
      VONAGE_PRIVATE_KEY: undefined,
      VONAGE_PRIVATE_KEY_FILE: file,
    })
    change(directory)
    assert.match((await nextMessage()) ?? '', /^info/)
    assert.ok(await isSignedBy(await keys.current(), old.publicKey, Date.now()), 'still in use')
    assert.ok(await isTriedNext(young))
  })

test('the file of the second key is read anew as well', { timeout: 10_000 }, async (t) => {
  const file = join(folder(t), 'next.pem')
  writeFileSync(file, privatePem(old))
  const { nextMessage, isTriedNext } = setUp(t, { VONAGE_PRIVATE_KEY_NEXT_FILE: file })
  writeFileSync(file, privatePem(young))
  assert.match((await nextMessage()) ?? '', /^info/)
  assert.ok(await isTriedNext(young))
})

test('content that is no usable key is warned of once and ignored, and nothing of it is in the log', {
  timeout: 10_000,
}, async (t) => {
  const file = join(folder(t), 'canary.pem')
  writeFileSync(file, privatePem(old))
  const { log, messages, nextMessage, isTriedNext } = setUp(t, {
    VONAGE_PRIVATE_KEY: undefined,
    VONAGE_PRIVATE_KEY_FILE: file,
  })
  const bad = ['', privatePem(weak), 'canary', privatePem(young).slice(0, 500)]
  for (const content of bad) {
    writeFileSync(file, content)
    assert.match((await nextMessage()) ?? '', /^warn/)
  }
  rmSync(file)
  assert.match((await nextMessage()) ?? '', /^warn/)
  writeFileSync(file, privatePem(young))
  assert.match((await nextMessage()) ?? '', /^info/)
  assert.equal(messages().length, bad.length + 2)
  assert.ok(await isTriedNext(young))
  for (const canary of ['canary', 'PRIVATE', privatePem(weak).split('\n')[1] ?? ''])
    assert.ok(!log.lines.join().includes(canary))
})

/** Puts something in the file's place that is opened and read, but does not end before `answer`. */
async function hang(t: TestContext, file: string): Promise<(content: string) => void> {
  execFileSync('mkfifo', [`${file}.pipe`])
  renameSync(`${file}.pipe`, file)
  let open: number | undefined
  while (open === undefined) {
    t.signal.throwIfAborted()
    t.mock.timers.tick(pollIntervalMs)
    await setImmediate()
    try {
      open = openSync(file, constants.O_WRONLY | constants.O_NONBLOCK)
    } catch {
      // Nobody reads it yet.
    }
  }
  function answer(content: string): void {
    if (open === undefined) return
    writeSync(open, content)
    closeSync(open)
    open = undefined
  }
  t.after(() => answer(''))
  // More often than there are threads that read files.
  t.mock.timers.tick(20 * pollIntervalMs)
  assert.ok(await readFile(import.meta.filename), 'other files can be read')
  return answer
}

test('a file that hangs is read once at a time, and holds up nothing else', {
  timeout: 10_000,
}, async (t) => {
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, privatePem(old))
  const { nextMessage } = setUp(t, { VONAGE_PRIVATE_KEY: undefined, VONAGE_PRIVATE_KEY_FILE: file })
  const answer = await hang(t, file)
  answer(privatePem(young))
  assert.match((await nextMessage()) ?? '', /^info/)
})

test('neither the same key in other words nor the same content is news', { timeout: 10_000 }, async (t) => {
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, privatePem(old))
  const { messages, nextMessage } = setUp(t, {
    VONAGE_PRIVATE_KEY: undefined,
    VONAGE_PRIVATE_KEY_FILE: file,
  })
  for (const content of [`\n${privatePem(old)}`, `\n${privatePem(old)}`]) {
    const answer = await hang(t, file)
    rmSync(file)
    answer(content)
  }
  writeFileSync(file, privatePem(young))
  assert.match((await nextMessage()) ?? '', /^info/)
  assert.equal(messages().length, 1)
})

test('which key Vonage accepts is logged and counted by name when it changes', async (t) => {
  const { keys, log, events } = setUp(t, { VONAGE_PRIVATE_KEY_NEXT: privatePem(young) })
  keys.accepted(await keys.current())
  assert.deepEqual(log.lines, [])
  keys.accepted((await keys.replace(await keys.current())) ?? '')
  const [line] = log.lines.map((text) => JSON.parse(text))
  assert.deepEqual([line.level, line.key], ['info', 'next'])
  assert.deepEqual(events, [{ name: 'private_key.changed', key: 'next' }])
  assert.equal(log.lines.length, 1)
})

test('after closing no file is read', async (t) => {
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, privatePem(old))
  const { keys, messages, isTriedNext } = setUp(t, {
    VONAGE_PRIVATE_KEY_FILE: file,
    VONAGE_PRIVATE_KEY: undefined,
  })
  keys.close()
  writeFileSync(file, privatePem(young))
  t.mock.timers.tick(pollIntervalMs)
  for (let turn = 0; turn < 100; turn++) await setImmediate()
  assert.deepEqual(messages(), [])
  assert.equal(await isTriedNext(young), false)
})
