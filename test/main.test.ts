/** The process: what it prints, which signals it obeys, and its exit codes. Each test starts a real one. */

import { once } from 'node:events'
import { type AddressInfo, connect, createServer } from 'node:net'
import { test } from 'tap'
import { listeningSettings, requiredSettings } from './support/environment.ts'
import { startMain } from './support/main-process.ts'
import { confirm } from './support/must.ts'
import { assertProblem } from './support/problem.ts'
import { call, type RawAnswer, requestBytes } from './support/raw-http.ts'
import { required } from './support/settings.ts'
import { goodStart, openUpstream, settingsFor, startedBody } from './support/upstream.ts'

/** Starting takes under a second; this is for a machine with much else to do, and still tells a hang. */
const startTimeoutMs = 10_000

const keyBody = requiredSettings().VONAGE_PRIVATE_KEY?.split('\n')[1] ?? ''

/** Asks until the answer is as wanted. */
async function becomes(
  isWanted: (answer: RawAnswer) => boolean,
  ask: () => Promise<RawAnswer>,
): Promise<RawAnswer> {
  const answer = await ask()
  return isWanted(answer) ? answer : becomes(isWanted, ask)
}

test('the process', { jobs: 2 }, async (t) => {
  for (const args of [[], ['--check-config']])
    t.test(
      `settings that are not usable end it at once, all of them named and none shown, with ${args}`,
      async (t) => {
        const startedMs = performance.now()
        const settings = { LOG_LEVEL: 'canary', PORT: 'canary', VONAGE_PRIVATE_KEY: 'canary' }
        const { exited, stdout, stderr } = startMain(t, { settings, args })
        t.equal(await exited, 1)
        t.ok(performance.now() - startedMs < startTimeoutMs)
        t.strictSame(stdout, [])
        const text = stderr.join('\n')
        for (const name of [...required, 'LOG_LEVEL', 'PORT'])
          t.match(text, new RegExp(`^\\s*${name}: `, 'm'))
        t.notMatch(text, /canary/)
        t.match(stderr.at(-1) ?? '', /npm run demo/)
      },
    )

  t.test('a bug while the settings are read is not taken for bad settings', async (t) => {
    const before = `const { env } = process
      Object.defineProperty(process, 'env', {
        get() {
          if (/main\\.ts/.test(new Error().stack)) throw new RangeError('a bug')
          return env
        },
      })`
    const { exited, stderr } = startMain(t, { settings: listeningSettings(), before })
    t.equal(await exited, 1)
    t.match(stderr.join('\n'), /RangeError/)
    t.notMatch(stderr.join('\n'), /AUTH_|VONAGE_/)
  })

  t.test(
    '--check-config ends well when the settings are usable, listens nowhere and shows them without their secrets',
    async (t) => {
      const settings = listeningSettings({
        PORT: '1',
        MANAGEMENT_PORT: '2',
        REDIS_URL: 'redis://:canary@127.0.0.1:1',
      })
      const { exited, stdout, stderr } = startMain(t, { settings, args: ['--check-config'] })
      t.equal(await exited, 0)
      t.strictSame(stderr, [])
      t.ok(stdout.includes('PORT=1') && stdout.includes('REDIS_URL=[redacted]'))
      t.match(stdout.at(-2) ?? '', /^VONAGE_PRIVATE_KEY: ok/)
      t.match(stdout.at(-1) ?? '', /^not tried: /)
      t.ok(!stdout.join('\n').includes(keyBody))
      t.notMatch(stdout.join('\n'), /listening|canary/)
    },
  )

  t.test(
    '--check-config --token-file - reads the token from standard input, and fails where there is none',
    async (t) => {
      const args = ['--check-config', '--token-file', '-']
      const { exited, stdout } = startMain(t, { settings: listeningSettings(), args })
      t.equal(await exited, 1)
      t.ok(stdout.some((line) => line.startsWith('token: cannot be read')))
    },
  )

  t.test(
    '--check-config --live ends with a failure when something cannot be reached, also when it hangs',
    async (t) => {
      const silence = createServer().listen(0, '127.0.0.1')
      t.teardown(() => silence.close())
      await once(silence, 'listening')
      const origin = `http://127.0.0.1:${(silence.address() as AddressInfo).port}`
      const startedMs = performance.now()
      const { exited, stdout, stderr } = startMain(t, {
        settings: listeningSettings({ AUTH_ISSUER: origin, VONAGE_API_URL: origin }),
        args: ['--check-config', '--live'],
      })
      t.equal(await exited, 1)
      t.ok(performance.now() - startedMs < startTimeoutMs)
      t.match(stderr.join('\n'), /^warning: REDIS_URL: /)
      t.strictSame(stdout.slice(-4, -1), [
        'AUTH_ISSUER: failed TIMEOUT',
        'VONAGE_API_URL: reachable, without TLS, credentials not tried',
        'VONAGE_TOKEN_URL: failed ECONNREFUSED',
      ])
    },
  )

  for (const args of [['--number'], ['--number', '+34600000000']])
    t.test(`--check-config --live ${args.join(' ')} asks nobody, and ends with a failure`, async (t) => {
      const upstream = await openUpstream(t)
      const { exited, stdout, stderr } = startMain(t, {
        settings: settingsFor(upstream),
        args: ['--check-config', '--live', ...args],
      })
      t.equal(await exited, 1)
      t.strictSame([stdout, upstream.paths()], [[], []])
      t.match(stderr.join('\n'), /^warning: --number: /)
    })

  t.test(
    'one line says where it listens; on SIGTERM it serves on for the delay, not ready, and then ends well',
    async (t) => {
      const startedMs = performance.now()
      const upstream = await openUpstream(t)
      const settings = settingsFor(upstream, { LOG_LEVEL: 'trace', SHUTDOWN_DELAY_MS: '1500' })
      const { child, exited, stdout, stderr, logged } = startMain(t, { settings })
      const { url, management_url: managementUrl } = (await logged('listening')) as Record<string, string>
      t.ok(performance.now() - startedMs < startTimeoutMs)
      t.equal(stdout.length, 1)
      confirm(t, url && managementUrl)
      for (const base of [url, managementUrl]) {
        t.equal((await call(base, { target: '/livez' })).status, 200)
        t.equal((await call(base, { target: '/readyz' })).status, 200)
      }
      const start = goodStart(upstream)
      const answer = await call(url, { ...start, target: `${start.target}?canary` })
      t.strictSame([answer.status, answer.body], [200, startedBody])
      const headers = { ...start.headers, authorization: 'Bearer canary.token.here' }
      assertProblem(t, await call(url, { ...start, headers }), 'invalid_token')

      child.kill('SIGTERM')
      const readyz = { target: '/readyz', headers: { connection: 'keep-alive, close' } }
      const notReady = await becomes(
        ({ status }) => status !== 200,
        () => call(url, readyz),
      )
      assertProblem(t, notReady, 'shutting_down')
      assertProblem(t, await call(managementUrl, { target: '/readyz' }), 'shutting_down')
      for (const request of [{ target: '/livez', headers }, { target: '/nowhere', headers }, start]) {
        const client = connect(Number(new URL(url).port), '127.0.0.1')
        client.write(requestBytes({ ...request, headers: { ...request.headers, connection: undefined } }))
        const [answer] = (await once(client, 'data')) as [Buffer]
        client.destroy()
        t.match(answer.toString(), /\r\nconnection: close\r\n/i)
      }
      t.equal(await exited, 0)
      t.strictSame(stderr, [])
      for (const line of stdout) t.equal(typeof JSON.parse(line).level, 'string')
      t.notMatch(stdout.join('\n'), /canary|99012345678|a-state/)
      for (const secret of [keyBody, start.headers.authorization.slice(-40)])
        t.ok(!stdout.join('\n').includes(secret))
      t.equal(stdout.filter((line) => line.includes('"listening"')).length, 1)
    },
  )

  t.test('what is mostly a mistake is warned of in the log before it listens', async (t) => {
    const settings = listeningSettings({ VONAGE_REDIRECT_URI: 'https://bff.example.com/callback' })
    const { logged, stdout } = startMain(t, { settings })
    await logged('listening')
    t.match(stdout[0] ?? '', /"level":"warn".*"msg":"VONAGE_REDIRECT_URI: /)
    // The identity provider of these settings is not there, which is told too, at its own time.
    t.equal(stdout.filter((line) => !line.includes('keys cannot be fetched')).length, 2)
  })

  t.test('on SIGINT it ends well too', async (t) => {
    const { child, exited, logged, stderr } = startMain(t, { settings: listeningSettings() })
    await logged('listening')
    child.kill('SIGINT')
    t.equal(await exited, 0)
    t.strictSame(stderr, [])
  })

  t.test(
    'a log that nobody reads any more neither stops it nor keeps it from ending',
    {
      timeout: 10_000,
    },
    async (t) => {
      // Long enough for the log's timer to write several times.
      const { child, exited, logged } = startMain(t, {
        settings: listeningSettings({ SHUTDOWN_DELAY_MS: '700' }),
      })
      const { url } = await logged('listening')
      child.stdout?.destroy()
      t.equal((await call(String(url), { target: '/livez' })).status, 200)
      child.kill('SIGTERM')
      t.equal(await exited, 0)
    },
  )

  t.test('a second SIGTERM ends it at once', async (t) => {
    const settings = listeningSettings({ SHUTDOWN_DELAY_MS: '60000' })
    const { child, exited, logged } = startMain(t, { settings })
    const { url } = await logged('listening')
    child.kill('SIGTERM')
    await becomes(
      ({ status }) => status === 503,
      () => call(String(url), { target: '/readyz' }),
    )
    child.kill('SIGTERM')
    t.equal(await exited, 1)
  })

  t.test('a request that does not end holds it for SHUTDOWN_TIMEOUT_MS and no longer', async (t) => {
    const { child, exited, logged } = startMain(t, {
      settings: listeningSettings({ SHUTDOWN_TIMEOUT_MS: '100' }),
    })
    const { url } = await logged('listening')
    const client = connect(Number(new URL(String(url)).port), '127.0.0.1').on('error', () => {})
    t.teardown(() => client.destroy())
    // Once the second request is answered, the first has surely arrived.
    client.write('GET /livez HTTP/1.1\r\nHost:')
    await call(String(url), { target: '/livez' })
    child.kill('SIGTERM')
    t.equal(await exited, 1)
  })

  for (const name of ['PORT', 'MANAGEMENT_PORT'])
    t.test(`a ${name} that is taken ends it with a failure that shows no secret`, async (t) => {
      const taken = createServer().listen(0, '127.0.0.1')
      t.teardown(() => taken.close())
      await once(taken, 'listening')
      const settings = listeningSettings({ [name]: String((taken.address() as AddressInfo).port) })
      const { exited, stdout, stderr } = startMain(t, { settings })
      t.equal(await exited, 1)
      t.match(stderr.join('\n'), new RegExp(`^cannot start: ${name}: .*EADDRINUSE`))
      t.ok(![...stdout, ...stderr].join('\n').includes(keyBody))
    })

  for (const [kind, throwing] of [
    ['an exception that nobody catches', 'throw new RangeError(text)'],
    ['a rejection that nobody handles', 'Promise.reject(new RangeError(text))'],
  ])
    t.test(`${kind} is logged without its message, and ends it with a failure`, async (t) => {
      // The text is put together so that it does not stand in the URL of this code, which a stack names.
      const before = `const text = 'can' + 'ary'; process.once('SIGWINCH', () => { ${throwing} })`
      const { child, exited, logged, stdout } = startMain(t, {
        settings: listeningSettings(),
        before,
      })
      await logged('listening')
      child.kill('SIGWINCH')
      t.equal(await exited, 1)
      const errors = stdout.map((line) => JSON.parse(line)).filter(({ err }) => err !== undefined)
      t.strictSame(
        errors.map(({ err }) => err.name),
        ['RangeError'],
      )
      t.notMatch(stdout.join('\n'), /canary/)
    })
})
