/** Runs one row of the fault matrix against a fresh service, and remembers what must not be found in its log. */
import type { Test } from 'tap'
import { type AppCall, finish, type IdentityProvider, start, type TimedAnswer } from './app-client.ts'
import { signatureOf } from './canaries.ts'
import type { FaultRow } from './fault-rows-start.ts'
import {
  accessTokenCanary,
  type badPlaces,
  type FaultServer,
  landingIn,
  type Step,
  startFaultServer,
  upstreamCanary,
} from './fault-server.ts'
import { assertProblem, contract } from './problem.ts'
import type { HostedService, ServiceProcess } from './service-process.ts'

/** Of a start and of a finish: short, so that the rows that take all of it are quick. */
export const budgetMs = 500
const slackMs = 1000

export interface MatrixWorld {
  services: ServiceProcess
  idp: IdentityProvider
  places: ReturnType<typeof badPlaces>
  /** Services with their Vonage that no row uses at the moment, by product. */
  idle: Record<Product, Lane[]>
}

export type Product = 'network_enablement' | 'verify'

/** A service and the Vonage before it. */
interface Lane {
  product: Product
  service: HostedService
  server: FaultServer
}

/** What a row leaves to be looked for in the log. */
export interface Trace {
  name: string
  requestId: string
  errorCode: string | undefined
  /** Name of the secret to the secret. */
  canaries: Record<string, string>
}

export const productOf = (step: Step): Product =>
  step.startsWith('verify_v2') ? 'verify' : 'network_enablement'
/** The call that begins what this step is of. */
const startOf = (step: Step) => (productOf(step) === 'verify' ? 'verify_v2' : 'start')

export const nameOf = ({ step, fault, expected }: FaultRow) => `${step}: ${fault} -> ${expected}`

/** @param place where Vonage is in this step, instead of at its server */
async function openLane(
  t: Test,
  { services, idp }: MatrixWorld,
  product: Product,
  place?: Partial<Record<Step, string>>,
): Promise<Lane> {
  const server = await startFaultServer(t)
  const service = await services.open({
    ...idp.settings,
    ...productSettings(product, server.url, place),
    VONAGE_AUTH_URL_HOSTS: '127.0.0.1',
    VONAGE_REQUESTS_PER_SECOND: '100',
    START_TIMEOUT_MS: String(budgetMs),
    FINISH_TIMEOUT_MS: String(budgetMs),
    STATE_MAX_ENTRIES: '1',
  })
  return { product, service, server }
}

/** @param place where Vonage is in this step, instead of at its server */
export function productSettings(
  product: Product,
  url: string,
  place: Partial<Record<Step, string>> = {},
): Record<string, string> {
  return {
    VONAGE_PRODUCT: product,
    VONAGE_BRAND: 'Canary & Sons',
    VONAGE_API_URL: place.start ?? url,
    VONAGE_TOKEN_URL: `${place.token ?? url}/oauth2/token`,
    VONAGE_VERIFY_URL: place.verify_v2 ?? url,
  }
}

/** Before any row, whose time would else be that of a cold process. */
export async function warmUp(all: Test, world: MatrixWorld, lanes: number): Promise<void> {
  for (const product of ['network_enablement', 'verify'] as const)
    while (world.idle[product].length < lanes) {
      const lane = await openLane(all, world, product)
      world.idle[product].push(lane)
      await verify(all, lane, world.idp)
    }
}

/**
 * A service is used again for another row, after a whole verification that goes well: so no circuit is open, and the store, which
 * has room for one state, is empty.
 * @param t of the row; `all` of the matrix
 */
export async function runRow(
  t: Test,
  all: Test,
  world: MatrixWorld,
  row: FaultRow,
  index: number,
): Promise<Trace> {
  const place = row.place && (await world.places[row.place](t))
  const once = row.place !== undefined || row.pauses === true || row.fresh === true
  const product = productOf(row.step)
  const lane = once
    ? await openLane(t, world, product, place && { [row.step]: place.url })
    : (world.idle[product].pop() ?? (await openLane(all, world, product)))
  const trace = await runOn(t, lane, world, row, index)
  t.equal(place?.receivedBytes() ?? 0, 0)
  if (once) await lane.service.close()
  else world.idle[product].push(lane)
  return trace
}

async function runOn(
  t: Test,
  lane: Lane,
  { idp }: MatrixWorld,
  row: FaultRow,
  index: number,
): Promise<Trace> {
  const { server } = lane
  const { url } = lane.service
  const phoneNumber = `+990${10_000_000 + index}`
  const code = `canary-code-${index}`
  const token = idp.tokenOf('owner')
  const requestId = `row-${index}`
  server.behave(row.act ? { [row.step]: row.act } : {})

  const startStep = startOf(row.step)
  const isStart = row.step === startStep
  let landing = landingIn('', code)
  if (!isStart) {
    const started = await start(url, phoneNumber, { token })
    t.equal(started.status, 200, started.body)
    landing = landingIn(started.body, code)
  }
  const sentBefore = server.calls(row.step).length
  const answer = isStart
    ? await start(url, phoneNumber, { token, requestId })
    : await finish(url, landing, { token, requestId })
  checkAnswer(t, answer, row)
  const sent = () => server.calls(row.step).slice(sentBefore)
  const { calls = 1 } = row
  t.equal(sent().length, calls, 'so many calls')

  server.behave({})
  if (!isStart) {
    const again = await finish(url, landing, { token })
    if (row.expected === 200) t.equal(again.body, answer.body)
    else if (!mayRetry(row)) assertProblem(t, again, 'invalid_state')
    else if (row.place) assertProblem(t, again, row.expected)
    else t.equal(again.status, 200, 'the code and the state were still good')
    const repeated = mayRetry(row) && !row.place ? 1 : 0
    t.equal(sent().length, calls + repeated, 'the repeat sent nothing')
  }
  const lastStart = server.calls(startStep).at(-1) ?? ''
  // Network Enablement is told the name, and Verify tells it.
  if (isStart) landing = landingIn(productOf(row.step) === 'verify' ? answer.body : lastStart, code)
  if (!row.place) await checkAftermath(t, { lane, idp, row, owner: { token }, landing })

  const canaries = {
    number: phoneNumber.slice(1),
    code,
    'access token': signatureOf(token),
    state: landing.state ?? '',
    request_id: landing.request_id ?? '',
    'application JWT': signatureOf(/bearer (\S+)/i.exec(lastStart)?.[1] ?? ''),
    "Vonage's access token": accessTokenCanary,
    "Vonage's words": upstreamCanary,
  }
  if (row.expected !== 200) assertFree(t, [answer.body, ...answer.lines].join('\n'), canaries, 'the answer')
  return { name: nameOf(row), requestId, errorCode: row.errorCode, canaries }
}

function mayRetry({ expected }: FaultRow): boolean {
  return expected !== 200 && contract[expected][1] === 'retry'
}

export function checkAnswer(
  t: Test,
  answer: TimedAnswer,
  { expected, retryAfter = 1, takesBudget }: FaultRow,
): void {
  if (expected === 200) t.equal(answer.status, 200, answer.body)
  else assertProblem(t, answer, expected)
  if (expected !== 200 && contract[expected][1] === 'retry') {
    const seconds = Number(answer.headers.get('retry-after'))
    const [least, most] = Array.isArray(retryAfter) ? retryAfter : [retryAfter, retryAfter]
    t.ok(seconds >= least && seconds <= most, `Retry-After ${seconds}`)
  }
  const { elapsedMs } = answer
  t.ok(elapsedMs <= budgetMs + slackMs, `took ${elapsedMs} ms`)
  if (takesBudget) t.ok(elapsedMs >= budgetMs - 5, `took only ${elapsedMs} ms`)
}

interface Aftermath {
  lane: Lane
  idp: IdentityProvider
  row: FaultRow
  owner: AppCall
  landing: Record<string, string>
}

/** Vonage is well again. A stranger verifies: is the state of a failed start gone, and the quota stopped where it should be? */
async function checkAftermath(t: Test, { lane, idp, row, owner, landing }: Aftermath): Promise<void> {
  const { server } = lane
  const { url } = lane.service
  const stranger = { token: idp.tokenOf('stranger') }
  const startStep = startOf(row.step)
  if (row.pauses) {
    const before = server.calls(startStep).length
    assertProblem(t, await start(url, '+99077777777', stranger), 'upstream_busy')
    t.equal(server.calls(startStep).length, before)
    return
  }
  if (row.step === startStep && row.expected === 200) {
    assertProblem(t, await start(url, '+99077777777', stranger), 'overloaded')
    t.equal((await finish(url, landing, owner)).status, 200)
  }
  await verify(t, lane, idp)
}

/** A whole verification, of somebody else, that goes well. */
async function verify(t: Test, { service: { url } }: Lane, idp: IdentityProvider): Promise<void> {
  const stranger = { token: idp.tokenOf('stranger') }
  const started = await start(url, '+99077777777', stranger)
  t.equal(started.status, 200, started.body)
  t.equal((await finish(url, landingIn(started.body, 'code'), stranger)).status, 200)
}

/** A secret may be empty when the row never got so far. */
export function assertFree(t: Test, text: string, canaries: Record<string, string>, where: string): void {
  for (const [what, canary] of Object.entries(canaries))
    t.ok(canary === '' || !text.includes(canary), `${what} in ${where}`)
}
