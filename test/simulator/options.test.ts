import { readFileSync } from 'node:fs'
import { test } from 'tap'
import { optionsAsMarkdown, readOptions } from '../../simulator/options.ts'

test('a flag wins over its variable, and an empty variable counts as unset', async (t) => {
  const env = { SIMULATOR_PORT: '5000', SIMULATOR_IDP_PORT: '5001', SIMULATOR_HOST: '' }
  const read = readOptions(['--port', '6000', '--https'], env)
  t.equal(read.port, 6000)
  t.equal(read['idp-port'], 5001)
  t.equal(read.host, '127.0.0.1')
  t.equal(read.https, true)
  t.equal(read.issuer, undefined)
})

test('refuses a flag that is none, and a number that is none, by name', async (t) => {
  t.throws(() => readOptions(['--prot', '1'], {}), /--prot/)
  t.throws(() => readOptions([], { SIMULATOR_PORT: 'x' }), /--port \(SIMULATOR_PORT\)/)
})

test('the README has the options table', async (t) => {
  const readme = readFileSync(new URL('../../simulator/README.md', import.meta.url), 'utf8')
  t.ok(readme.includes(optionsAsMarkdown()), `replace the table by:\n${optionsAsMarkdown()}`)
})
