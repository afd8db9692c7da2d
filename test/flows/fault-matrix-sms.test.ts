/**
 * Everything that Vonage can do wrong while a code by text message is sent, moved on to, or checked: one row each, as in
 * `fault-matrix.test.ts`. Each row has a fresh service, and asks again when Vonage is well: what was promised to be still good is.
 */

import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Test, test } from 'tap'
import { finish, type IdentityProvider, openIdentityProvider, sendSms, start } from '../support/app-client.ts'
import { signatureOf } from '../support/canaries.ts'
import {
  assertFree,
  budgetMs,
  checkAnswer,
  nameOf,
  productSettings,
  type Trace,
} from '../support/fault-matrix.ts'
import { smsRows } from '../support/fault-rows-sms.ts'
import type { FaultRow } from '../support/fault-rows-start.ts'
import { badPlaces, createCertificate, startFaultServer, upstreamCanary } from '../support/fault-server.ts'
import { assertProblem } from '../support/problem.ts'
import { openServiceProcess, type ServiceProcess } from '../support/service-process.ts'

/** Most rows wait for a deadline, so many of them run at once. */
const atOnce = 6

interface MatrixWorld {
  services: ServiceProcess
  idp: IdentityProvider
  places: ReturnType<typeof badPlaces>
}

async function openMatrixWorld(t: Test): Promise<MatrixWorld> {
  const folder = await mkdtemp(join(tmpdir(), 'fault-matrix-sms-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const trusted = createCertificate()
  const caFile = join(folder, 'ca.pem')
  await writeFile(caFile, trusted.cert)
  const services = await openServiceProcess(caFile)
  t.teardown(() => services.close())
  return { services, idp: await openIdentityProvider(t), places: badPlaces(trusted) }
}

async function openLane(t: Test, { services, idp }: MatrixWorld, row: FaultRow, placeUrl?: string) {
  const server = await startFaultServer(t)
  const product = row.step === 'verify_v2_next' ? 'verify' : 'network_enablement'
  const service = await services.open({
    ...idp.settings,
    ...productSettings(product, server.url, placeUrl === undefined ? {} : { verify_v2: placeUrl }),
    VONAGE_AUTH_URL_HOSTS: '127.0.0.1',
    VONAGE_REQUESTS_PER_SECOND: '100',
    START_TIMEOUT_MS: String(budgetMs),
    FINISH_TIMEOUT_MS: String(budgetMs),
    SMS_FALLBACK: 'true',
    RATE_LIMIT_SMS_PER_NUMBER_PER_HOUR: '0',
  })
  return { server, service }
}

async function runRow(t: Test, world: MatrixWorld, row: FaultRow, index: number): Promise<Trace> {
  const place = row.place && (await world.places[row.place](t))
  const { server, service } = await openLane(t, world, row, place?.url)
  const { url } = service
  const [phoneNumber, code] = [`+44${10_000_000 + index}`, `canary-typed-${index}`]
  const token = world.idp.tokenOf('owner')
  const requestId = `row-${index}`
  const isCheck = row.step === 'verify_v2_check'
  const send = (requestId?: string) =>
    sendSms(url, phoneNumber, { token, ...(requestId !== undefined && { requestId }) })

  if (row.step === 'verify_v2_next') t.equal((await start(url, phoneNumber, { token })).status, 200)
  let state = isCheck ? JSON.parse((await send()).body).state : ''
  const type = (requestId?: string) =>
    finish(url, { code, state }, { token, ...(requestId !== undefined && { requestId }) })

  server.behave(row.act ? { [row.step]: row.act } : {})
  const before = server.calls(row.step).length
  const sent = () => server.calls(row.step).length - before
  const answer = await (isCheck ? type : send)(requestId)
  checkAnswer(t, answer, row)
  const { calls = 1 } = row
  t.equal(sent(), calls, 'so many calls')
  t.equal(place?.receivedBytes() ?? 0, 0)

  server.behave({})
  if (!place) {
    const again = await (isCheck ? type : send)()
    if (row.pauses && !isCheck) assertProblem(t, again, 'upstream_busy')
    else if (row.expected === 200) t.equal(again.body, answer.body)
    else t.equal(again.status, 200, 'the user can go on')
    const asksAgain = row.expected !== 200 && !(row.pauses && !isCheck)
    t.equal(sent(), calls + (asksAgain ? 1 : 0), 'so many calls after the repeat')
    if (!isCheck && again.status === 200) {
      state = JSON.parse(again.body).state
      t.equal((await type()).status, 200, 'the code verifies')
    }
  }
  await service.close()

  const lastCall = server.calls('verify_v2').at(-1) ?? ''
  const canaries = {
    number: phoneNumber.slice(1),
    code,
    'access token': signatureOf(token),
    state,
    'application JWT': signatureOf(/bearer (\S+)/i.exec(lastCall)?.[1] ?? ''),
    "Vonage's words": upstreamCanary,
  }
  if (row.expected !== 200) assertFree(t, [answer.body, ...answer.lines].join('\n'), canaries, 'the answer')
  return { name: nameOf(row), requestId, errorCode: row.errorCode, canaries }
}

test('the fault matrix of codes by text message', { jobs: atOnce }, async (all) => {
  const world = await openMatrixWorld(all)
  // Before any row, whose time would else be that of a cold process.
  for (let n = 0; n < atOnce; n++)
    await runRow(all, world, { fault: 'none', step: 'verify_v2_next', expected: 200 }, 9000 + n)
  const traces: Trace[] = []
  await Promise.all(
    smsRows.map((row, index) =>
      all.test(nameOf(row), async (t) => void traces.push(await runRow(t, world, row, index))),
    ),
  )
  await world.services.close()

  await all.test('each row has its log line, and no secret is in the log', async (t) => {
    const log = world.services.output()
    const lines = log.trimEnd().split('\n')
    const entries = new Map(lines.map((line) => [JSON.parse(line).request_id, JSON.parse(line)]))
    for (const { name, requestId, errorCode, canaries } of traces) {
      const entry = entries.get(requestId)
      t.ok(entry, `${name} is not in the log`)
      if (errorCode !== undefined) t.equal(entry.err.code, errorCode, name)
      assertFree(t, log, canaries, `the log after ${name}`)
    }
  })
  all.ok(smsRows.length >= 150, `${smsRows.length} rows`)
})
