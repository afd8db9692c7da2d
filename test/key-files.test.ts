/** The private keys' files: changed in every way that a file is changed in, and read while the service runs. */

import { execFileSync } from 'node:child_process'
import type { KeyObject } from 'node:crypto'
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
import { setImmediate } from 'node:timers/promises'
import { type Test, test } from 'tap'
import { parseConfig } from '../src/config.ts'
import { createKeyFiles, type KeySetting } from '../src/key-files.ts'
import { receiptSettings, requiredSettings } from './support/environment.ts'
import { fakeIntervals, passIntervals } from './support/fake-intervals.ts'
import { createKeys, createRsaKeys, privatePem } from './support/keys.ts'
import { must } from './support/must.ts'
import { recordLog } from './support/public-server.ts'

const pollIntervalMs = 5000
const [old, young] = [createRsaKeys(), createRsaKeys()]
const weak = createRsaKeys(1024)

const fromFile = (file: string) => ({ VONAGE_PRIVATE_KEY: undefined, VONAGE_PRIVATE_KEY_FILE: file })

function folder(t: Test): string {
  const path = mkdtempSync(join(tmpdir(), 'private-keys-'))
  t.teardown(() => rmSync(path, { recursive: true }))
  return path
}

function setUp(
  t: Test,
  settings: Record<string, string | undefined>,
  setting: KeySetting = 'VONAGE_PRIVATE_KEY',
) {
  fakeIntervals(t)
  const { logger, log } = recordLog(t)
  const config = parseConfig({ ...requiredSettings(), ...settings })
  const keyFiles = createKeyFiles(config, logger)
  t.teardown(() => keyFiles.close())
  const keys: KeyObject[] = []
  keyFiles.watch(setting, (key) => void keys.push(key))
  const messages = () => log.entries().map(({ level, msg }) => `${level} ${msg}`)

  /** Lets the files be read so often that something is logged. */
  async function nextMessage(): Promise<string | undefined> {
    const before = log.lines.length
    while (log.lines.length === before) {
      must(!t.ended)
      passIntervals(pollIntervalMs)
      await setImmediate()
    }
    return messages().at(-1)
  }

  /** Was this key handed over, and none but it? */
  const gotOnly = (wanted: typeof old) =>
    keys.map((key) => key.export({ type: 'pkcs8', format: 'pem' })).join() === privatePem(wanted)

  return { keyFiles, keys, log, messages, nextMessage, gotOnly }
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
    const { nextMessage, gotOnly } = setUp(t, fromFile(file))
    change(directory)
    t.match((await nextMessage()) ?? '', /^info/)
    t.ok(gotOnly(young))
  })

test('the files of the other keys are read anew as well, each with the kinds of its setting', {
  timeout: 10_000,
}, async (t) => {
  const file = join(folder(t), 'next.pem')
  for (const [setting, before, after] of [
    ['VONAGE_PRIVATE_KEY_NEXT', old, young],
    ['RECEIPT_PRIVATE_KEY', young, createKeys('EC P-256')],
    ['RECEIPT_PRIVATE_KEY_NEXT', createKeys('Ed25519'), createKeys('EC P-256')],
  ] as const)
    await t.test(setting, async (t) => {
      writeFileSync(file, privatePem(before))
      const settings = { ...receiptSettings(), [setting]: undefined, [`${setting}_FILE`]: file }
      const { nextMessage, gotOnly, keyFiles } = setUp(t, settings, setting)
      writeFileSync(file, privatePem(createKeys('EC P-384')))
      t.match((await nextMessage()) ?? '', /^warn/)
      t.strictSame([...keyFiles.states()], [[setting, true]])
      writeFileSync(file, privatePem(after))
      t.match((await nextMessage()) ?? '', /^info/)
      t.ok(gotOnly(after))
      t.strictSame([...keyFiles.states()], [[setting, false]])
    })
})

test('a key that came without a file has none to be watched', async (t) => {
  const { keyFiles } = setUp(t, { VONAGE_PRIVATE_KEY: privatePem(old) })
  t.strictSame([...keyFiles.states()], [])
})

test('content that is no usable key is warned of once and ignored, and nothing of it is in the log', {
  timeout: 10_000,
}, async (t) => {
  const file = join(folder(t), 'canary.pem')
  writeFileSync(file, privatePem(old))
  const { keyFiles, log, messages, nextMessage, gotOnly } = setUp(t, fromFile(file))
  const bad = ['', privatePem(weak), 'canary', privatePem(young).slice(0, 500)]
  for (const content of bad) {
    writeFileSync(file, content)
    t.match((await nextMessage()) ?? '', /^warn/)
  }
  rmSync(file)
  t.match((await nextMessage()) ?? '', /^warn/)
  t.strictSame([...keyFiles.states()], [['VONAGE_PRIVATE_KEY', true]])
  writeFileSync(file, privatePem(young))
  t.match((await nextMessage()) ?? '', /^info/)
  t.equal(messages().length, bad.length + 2)
  t.ok(gotOnly(young))
  for (const canary of ['canary', 'PRIVATE KEY', privatePem(weak).split('\n')[1] ?? ''])
    t.ok(!log.lines.join().includes(canary))
})

/** Puts something in the file's place that is opened and read, but does not end before `answer`. */
async function hang(t: Test, file: string): Promise<(content: string) => void> {
  execFileSync('mkfifo', [`${file}.pipe`])
  renameSync(`${file}.pipe`, file)
  let open: number | undefined
  while (open === undefined) {
    must(!t.ended)
    passIntervals(pollIntervalMs)
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
  t.teardown(() => answer(''))
  // More often than there are threads that read files.
  passIntervals(20 * pollIntervalMs)
  t.ok(await readFile(import.meta.filename), 'other files can be read')
  return answer
}

test('a file that hangs is read once at a time, and holds up nothing else', {
  timeout: 10_000,
}, async (t) => {
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, privatePem(old))
  const { nextMessage } = setUp(t, fromFile(file))
  const answer = await hang(t, file)
  answer(privatePem(young))
  t.match((await nextMessage()) ?? '', /^info/)
})

test('neither the same key in other words nor the same content is news', { timeout: 10_000 }, async (t) => {
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, privatePem(old))
  const { messages, nextMessage } = setUp(t, fromFile(file))
  for (const content of [`\n${privatePem(old)}`, `\n${privatePem(old)}`]) {
    const answer = await hang(t, file)
    rmSync(file)
    answer(content)
  }
  writeFileSync(file, privatePem(young))
  t.match((await nextMessage()) ?? '', /^info/)
  t.equal(messages().length, 1)
})

test('after closing no file is read', async (t) => {
  const file = join(folder(t), 'key.pem')
  writeFileSync(file, privatePem(old))
  const { keyFiles, keys, messages } = setUp(t, fromFile(file))
  keyFiles.close()
  writeFileSync(file, privatePem(young))
  passIntervals(pollIntervalMs)
  for (let turn = 0; turn < 100; turn++) await setImmediate()
  t.strictSame(messages(), [])
  t.strictSame(keys, [])
})
