/**
 * Everything that Vonage can do wrong, one row each, against a real service over real sockets: status, code, Retry-After, time,
 * what reached Vonage, what is left behind, and that nothing secret leaves. The services run in a process of their own, at the
 * most talkative log level, and everything that it prints is searched.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { openIdentityProvider } from '../support/app-client.ts'
import { assertFree, type MatrixWorld, nameOf, runRow, type Trace, warmUp } from '../support/fault-matrix.ts'
import { finishRows } from '../support/fault-rows-finish.ts'
import { startRows } from '../support/fault-rows-start.ts'
import { verifyV2Rows } from '../support/fault-rows-verify-v2.ts'
import { badPlaces, createCertificate } from '../support/fault-server.ts'
import { openServiceProcess } from '../support/service-process.ts'

const rows = [...startRows, ...finishRows, ...verifyV2Rows]
/** Most rows wait for a deadline, so many of them run at once. */
const atOnce = 6

async function openMatrixWorld(t: Test): Promise<MatrixWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'fault-matrix-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const trusted = createCertificate()
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, trusted.cert)
  const services = await openServiceProcess(caFile)
  t.teardown(() => services.close())
  return {
    services,
    idp: await openIdentityProvider(t),
    places: badPlaces(trusted),
    idle: { network_enablement: [], verify: [] },
  }
}

test('the fault matrix', { jobs: atOnce }, async (all) => {
  const beganMs = performance.now()
  const world = await openMatrixWorld(all)
  await warmUp(all, world, atOnce)
  const traces: Trace[] = []
  await Promise.all(
    rows.map((row, index) =>
      all.test(nameOf(row), async (t) => void traces.push(await runRow(t, all, world, row, index))),
    ),
  )
  for (const { service } of Object.values(world.idle).flat()) await service.close()
  await world.services.close()

  await all.test(
    'each row has its log line, which names the foreign error, and no secret is in the log',
    async (t) => {
      const log = world.services.output()
      const lines = log.trimEnd().split('\n')
      const entries = new Map(lines.map((line) => [JSON.parse(line).request_id, JSON.parse(line)]))
      for (const { name, requestId, errorCode, canaries } of traces) {
        const entry = entries.get(requestId)
        t.ok(entry, `${name} is not in the log`)
        if (errorCode !== undefined) t.equal(entry.err.code, errorCode, name)
        assertFree(t, log, canaries, `the log after ${name}`)
      }
    },
  )

  all.comment(`${rows.length} rows in ${((performance.now() - beganMs) / 1000).toFixed(1)} s`)
  all.ok(rows.length >= 45)
  all.ok(verifyV2Rows.length >= 40)
})
