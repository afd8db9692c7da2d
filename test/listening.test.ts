/** Where a listener answers, and which setting is named when it cannot. */

import { test } from 'tap'
import { type App, createApp } from '../src/http/app.ts'
import { listen } from '../src/listening.ts'
import { listenerLimits } from './support/unobserved.ts'

const silence = () => undefined
const options = {
  ...listenerLimits,
  isDraining: () => false,
  log: { debug: silence, info: silence, warn: silence, error: silence },
  events: silence,
}

test('it tells where it answers, as a URL', async (t) => {
  for (const [host, url] of [
    ['127.0.0.1', /^http:\/\/127\.0\.0\.1:\d+$/],
    ['::1', /^http:\/\/\[::1\]:\d+$/],
  ] as const) {
    const app = createApp(options)
    t.teardown(() => app.close())
    t.match(await listen(app, host, 0), url)
  }
})

for (const [code, setting] of [
  ['EADDRINUSE', 'PORT'],
  ['EACCES', 'PORT'],
  ['EADDRNOTAVAIL', 'HOST'],
  ['ENOTFOUND', 'HOST'],
  ['EAFNOSUPPORT', 'HOST'],
  [undefined, 'HOST'],
] as const)
  test(`the setting to change is named when the system says ${code}`, async (t) => {
    const app = { listen: () => Promise.reject(Object.assign(new Error('canary'), { code })) }
    await t.rejects(listen(app as unknown as App, 'a-host', 80, 'MANAGEMENT_'), {
      message: new RegExp(`^MANAGEMENT_${setting}: (?!.*canary).*${code ?? 'a-host'}`, 's'),
    })
  })
