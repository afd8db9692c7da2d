import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { test } from 'node:test'
import { optionsAsMarkdown, readOptions } from '../../simulator/options.ts'

test('a flag wins over its variable, and an empty variable counts as unset', () => {
  const env = { SIMULATOR_PORT: '5000', SIMULATOR_IDP_PORT: '5001', SIMULATOR_HOST: '' }
  const read = readOptions(['--port', '6000', '--https'], env)
  assert.equal(read.port, 6000)
  assert.equal(read['idp-port'], 5001)
  assert.equal(read.host, '127.0.0.1')
  assert.equal(read.https, true)
  assert.equal(read.issuer, undefined)
})

test('refuses a flag that is none, and a number that is none, by name', () => {
  assert.throws(() => readOptions(['--prot', '1'], {}), /--prot/)
  assert.throws(() => readOptions([], { SIMULATOR_PORT: 'x' }), /--port \(SIMULATOR_PORT\)/)
})

test('the README has the options table', () => {
  const readme = readFileSync(new URL('../../simulator/README.md', import.meta.url), 'utf8')
  assert.ok(readme.includes(optionsAsMarkdown()), `replace the table by:\n${optionsAsMarkdown()}`)
})
