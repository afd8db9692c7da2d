/**
 * `npm run demo`: the whole job against the simulator, told request by request; then it stays up for you to try.
 * With `--once` it ends after the walk: exit code 0, or 1 when anything was not as expected. With `--verbose` every story is
 * told in full. With `--product verify` Vonage's Verify v2 is behind the service; the phone and its app are the same.
 */

import { randomBytes } from 'node:crypto'
import { setTimeout } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import { createReceiptCheck } from '../docs/samples/backends/receipt.ts'
import { type PhoneOutcome, readOutcome } from '../simulator/answers.ts'
import { finishBySms } from '../simulator/sms-fallback.ts'
import { type LocalWorld, openLocalWorld, products, receiptAudience } from './local-world.ts'
import { createTranscript, print } from './transcript.ts'

const matchingNumber = '+99012345678'
const otherNumber = '+99012345677'
/** Verify has one verification of a number at a time, and the attacker's has begun for the first. */
const thirdNumber = '+99012345676'
/** Of films: its network knows no silent way, and messages reach it. */
const textedNumber = '+447700900123'
/** The defaults of the service and of the simulator. */
const fixedPorts = { service: 3000, management: 9464, operator: 4000, identityProvider: 4001 }

const { once = false, verbose = false, product: wanted = 'network_enablement' } = readFlags()
const product = products.find((name) => name === wanted) ?? exit(`--product is one of ${products.join(', ')}`)
const transcript = createTranscript({ verbose })
const { step } = transcript
let failures = 0
// Addresses that stay the same are for people: what runs once may run beside itself.
const world = await openLocalWorld(once ? {} : fixedPorts, product).catch((error: unknown) =>
  exit(error instanceof Error ? error.message : String(error)),
)
const { simulator } = world
let closing = false

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => end(0))
world.serviceEnded.then((lines) => {
  if (closing) return
  process.stderr.write(`the service ended:\n${lines}\n`)
  end(1)
})

try {
  await walk()
} catch (error) {
  if (!closing) {
    process.stderr.write(`the walk broke off: ${error instanceof Error ? error.message : String(error)}\n`)
    failures += 1
  }
}
if (once) await end(failures === 0 ? 0 : 1)
else if (!closing) print(await instructions(world))

function readFlags() {
  const flag = { type: 'boolean' } as const
  try {
    return parseArgs({ options: { once: flag, verbose: flag, product: { type: 'string' } } }).values
  } catch (error) {
    return exit(error instanceof Error ? error.message : String(error))
  }
}

function exit(message: string): never {
  process.stderr.write(`${message}\n`)
  process.exit(1)
}

async function walk(): Promise<void> {
  const phone = simulator.createPhone()
  const attacker = simulator.createPhone('attacker')

  transcript.title(`1  A phone on the carrier's network asks about its own number, ${matchingNumber}`)
  const token = await phone.signIn('alice', step)
  const started = await phone.start(token, matchingNumber, step)
  const landed = await phone.open(authUrlOf(started.body), 'cellular', step)
  const finished = await phone.finish(token, landed.text, step)
  transcript.outcome(readOutcome(finished))
  check(
    Object.keys(asObject(started.body)).join() === 'auth_url,requires_carrier_network',
    'the start answers two members: auth_url and requires_carrier_network',
  )
  check(memberOf(finished.body, 'phone_number_verified') === true, 'the number is verified')

  transcript.title(`2  The same phone asks about another number, ${otherNumber}`)
  const other = await verify('bob', otherNumber, 'cellular')
  if (product === 'verify')
    check(
      'next_action' in other && other.next_action === 'use_fallback',
      'Vonage tells the device alone that it has another number: the app offers another way',
    )
  else
    check(
      'verified' in other && other.verified === false,
      'the number is not verified, and that is a result, not an error',
    )

  transcript.title('3  An attacker has the code and the state, and tries to collect first')
  const carolsToken = await phone.signIn('carol', step)
  const carolsStart = await phone.start(carolsToken, matchingNumber, step)
  const carolsLanding = await phone.open(authUrlOf(carolsStart.body), 'cellular', step)
  const mallorysToken = await attacker.signIn('mallory', step)
  const stolen = await attacker.finish(mallorysToken, carolsLanding.text, step)
  const collected = await phone.finish(carolsToken, carolsLanding.text, step)
  check(memberOf(stolen.body, 'code') === 'invalid_state', 'another caller gets invalid_state')
  check(memberOf(collected.body, 'phone_number_verified') === true, 'the owner finishes all the same')

  transcript.title("4  An attacker starts with the victim's number and lures the victim's phone to the URL")
  const lure = await attacker.start(mallorysToken, matchingNumber, step)
  const lured = await phone.open(authUrlOf(lure.body), 'cellular', step)
  const victims = await phone.finish(carolsToken, lured.text, (seen) =>
    step(seen, "The victim's app finishes what it never started"),
  )
  const guess = { code: 'a-guess', state: randomBytes(32).toString('base64url') }
  const guessed = await attacker.finish(mallorysToken, JSON.stringify(guess), (seen) =>
    step(seen, 'Try to collect, with a guessed code and state'),
  )
  check(
    memberOf(victims.body, 'code') === 'invalid_state',
    "the victim's session did not start this one, so it verifies nothing",
  )
  check(
    memberOf(guessed.body, 'code') === 'invalid_state',
    'nor has the attacker anything to finish with: code and state went to the phone',
  )

  transcript.title(`5  A phone on Wi-Fi, ${thirdNumber}`)
  const wifi = await verify('dave', thirdNumber, 'wifi')
  if (product === 'verify')
    check(
      'next_action' in wifi && wifi.next_action === 'use_fallback',
      'Vonage tells the device: the app offers another way',
    )
  else
    check('code' in wifi && wifi.code === 'not_on_carrier_network', 'the service says not_on_carrier_network')

  transcript.title(`6  The app offers a code by text message, ${textedNumber}`)
  const silent = await verify('erin', textedNumber, 'wifi')
  check(
    'next_action' in silent && silent.next_action === 'use_fallback',
    'the silent way ends with use_fallback',
  )
  const texted = await finishBySms({
    phone,
    subject: 'erin',
    phoneNumber: textedNumber,
    messages: simulator.messages,
    sleep: (durationMs, signal) => setTimeout(durationMs, undefined, { signal }),
    signal: new AbortController().signal,
    onStep: step,
    onSms: ({ text }) => print(`\n   ${textedNumber} gets an SMS: "${text}"`),
  })
  if (texted) transcript.outcome(texted)
  check(
    texted !== undefined && 'verified' in texted && texted.verified === true,
    'the code that the user types verifies the number',
  )
  check(simulator.messages(textedNumber).length === 1, 'one message was sent')

  transcript.title('7  A backend of the company is handed the receipt of 1')
  await checkReceipts(String(memberOf(finished.body, 'receipt')))

  print(failures === 0 ? '\nAll as expected.' : `\nNot as expected: ${failures}.`)
}

/** The backend is the sample of docs/backends.md. It gets the key set from the service, and asks it nothing else. */
async function checkReceipts(receipt: string): Promise<void> {
  let laterMs = 0
  const accepts = createReceiptCheck({
    issuer: world.serviceUrl,
    audience: receiptAudience,
    clock: () => new Date(Date.now() + laterMs),
  })
  const isAccepted = (given: string, subject: string, phoneNumber = matchingNumber) =>
    accepts(given, { subject, phoneNumber }).then(
      () => true,
      () => false,
    )
  const [header, claims = '', signature] = receipt.split('.')
  const altered = Buffer.from(claims, 'base64url').toString().replace('"alice"', '"mallory"')
  const forged = [header, Buffer.from(altered).toString('base64url'), signature].join('.')

  check(
    await isAccepted(receipt, 'alice'),
    'it is good in the session of alice, for the number that she started with',
  )
  check(!(await isAccepted(receipt, 'mallory')), 'it is refused in the session of another user')
  check(!(await isAccepted(receipt, 'alice', otherNumber)), 'it is refused for another number')
  check(!(await isAccepted(forged, 'mallory')), 'it is refused when it was altered to name the attacker')
  laterMs = 6 * 60_000
  check(!(await isAccepted(receipt, 'alice')), 'it is refused six minutes later')
}

async function verify(
  subject: string,
  phoneNumber: string,
  network: 'cellular' | 'wifi',
): Promise<PhoneOutcome> {
  const outcome = await simulator.createPhone().verify({ subject, phoneNumber, network }, step)
  transcript.outcome(outcome)
  return outcome
}

function check(passed: boolean, claim: string): void {
  if (!passed) failures += 1
  transcript.check(passed, claim)
}

async function instructions({ serviceUrl, managementUrl }: LocalWorld): Promise<string> {
  const headers = `-H "Authorization: Bearer $TOKEN" -H 'Content-Type: application/json'`
  return [
    '',
    'Try it yourself: paste these lines in order. The token lives one hour, a code one minute.',
    '',
    `TOKEN='${await simulator.issueAccessToken('you')}'`,
    `START=$(curl -s ${serviceUrl}/v1/network-enablement ${headers} -d '{"phone_number":"${matchingNumber}"}'); echo "$START"`,
    `LANDING=$(curl -sL "$(echo "$START" | sed 's/.*"auth_url":"\\([^"]*\\)".*/\\1/')"); echo "$LANDING"`,
    `curl -s ${serviceUrl}/v1/number-verification ${headers} -d "$LANDING"`,
    '',
    `A phone to look at   ${simulator.phonePageUrl}`,
    `The API's documents  ${managementUrl}/docs/`,
    '',
    'Ctrl-C stops it.',
  ].join('\n')
}

async function end(code: number): Promise<void> {
  closing = true
  process.exitCode = code
  await world.close()
  process.exit()
}

function authUrlOf(body: unknown): string {
  return String(memberOf(body, 'auth_url'))
}

function memberOf(body: unknown, name: string): unknown {
  return (asObject(body) as Record<string, unknown>)[name]
}

function asObject(body: unknown): object {
  return typeof body === 'object' && body !== null ? body : {}
}
