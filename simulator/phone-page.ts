/**
 * The page that looks like a phone, and the walk behind it: `GET /` with its files, and `POST /phone/verify`.
 * The browser speaks to this listener only. The walk runs here and streams its steps as NDJSON, one object a line.
 */

import { randomBytes } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { PassThrough } from 'node:stream'
import type { FastifyInstance } from 'fastify'
import type { PhoneOutcome } from './answers.ts'
import { captionOf } from './captions.ts'
import type { OperatorContext } from './context.ts'
import { sendError } from './faults.ts'
import { numbers } from './numbers.ts'
import type { Network, Step } from './phone.ts'
import { type ReceiptReading, readReceipt } from './receipt.ts'
import { oauthError } from './replies.ts'
import { finishBySms } from './sms-fallback.ts'
import { verifyNumbers } from './verify-v2/numbers.ts'

const types: Record<string, string> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
}

/** Read once, at the start. */
const files = readdirSync(new URL('./page/', import.meta.url)).map((name) => ({
  path: name === 'index.html' ? '/' : `/phone/${name}`,
  type: types[name.split('.')[1] ?? ''] ?? 'application/octet-stream',
  content: readFileSync(new URL(`./page/${name}`, import.meta.url)),
}))

const securityHeaders = {
  'content-security-policy':
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; " +
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  'x-content-type-options': 'nosniff',
  'referrer-policy': 'no-referrer',
  'cache-control': 'no-store',
}

/** Longer than any number, so that the service judges what people type. */
const maxNumberLength = 40

interface Walk {
  phoneNumber: string
  network: Network
  withAttacker: boolean
  /** Whether to ask for a code by SMS when the service says `use_fallback`. */
  withSms: boolean
}

/** One line of the stream. The last one is the outcome. */
type WalkEvent =
  | { type: 'step'; step: Step & { caption: string } }
  | { type: 'attack'; status: number; code: unknown }
  | { type: 'sms'; text: string }
  | { type: 'outcome'; outcome: ShownOutcome }

/** The receipt decoded, never as it is. */
type ShownOutcome = Exclude<PhoneOutcome, { verified: boolean }> | Verdict
type Verdict = { verified: boolean; advice: string; receipt?: ReceiptReading }

export function phonePageRoutes(app: FastifyInstance, context: OperatorContext): void {
  let lastWalk: Promise<unknown> = Promise.resolve()

  app.addHook('onRequest', async (_request, reply) => {
    reply.headers(securityHeaders)
  })

  for (const { path, type, content } of files) {
    app.get(path, (_request, reply) => reply.type(type).send(content))
  }

  // Which product runs is the service's own affair; the page shows the numbers of the one chosen.
  for (const [path, table] of [
    ['/phone/numbers', numbers],
    ['/phone/verify-numbers', verifyNumbers],
  ] as const) {
    app.get(path, () =>
      table.map(({ example, pattern, step, description }) => ({
        number: example,
        step,
        description: description.replaceAll('`', ''),
        rule: pattern !== undefined,
      })),
    )
  }

  // Bad JSON, a body too large, or another media type.
  app.setErrorHandler<Error & { statusCode?: number }>((error, _request, reply) =>
    sendError(
      reply,
      oauthError(error.statusCode ?? 500, 'invalid_request', 'The request could not be handled'),
    ),
  )

  app.post('/phone/verify', (request, reply) => {
    const walk = parseWalk(request.body)
    if (!walk) {
      const description =
        'phone_number, network (cellular or wifi) and with_attacker (a boolean) are required; with_sms is a boolean'
      return sendError(reply, oauthError(400, 'invalid_request', description))
    }
    const lines = new PassThrough()
    // One at a time: the hops of the service could not be told apart.
    lastWalk = lastWalk
      .then(() => run(walk, (event) => lines.write(`${JSON.stringify(event)}\n`)))
      .catch((error: unknown) => app.log.error(error))
      .finally(() => lines.end())
    return reply.type('application/x-ndjson').send(lines)
  })

  async function run(walk: Walk, emit: (event: WalkEvent) => void): Promise<void> {
    const onStep = (step: Step) => {
      const inside = step.inside?.map((hop) => ({ ...hop, caption: captionOf(hop) }))
      emit({ type: 'step', step: { ...step, caption: captionOf(step), ...(inside && { inside }) } })
    }
    // Each walk has a caller of its own, so that no limit of an earlier one holds it up.
    const suffix = randomBytes(3).toString('hex')

    async function attack(landing: string): Promise<void> {
      const attacker = context.createPhone('attacker')
      const accessToken = await attacker.signIn(`mallory-${suffix}`, onStep)
      const { status, body } = await attacker.finish(accessToken, landing, onStep)
      emit({ type: 'attack', status, code: (body as Record<string, unknown> | undefined)?.code })
    }

    const { phoneNumber, network, withAttacker, withSms } = walk
    const subject = `alice-${suffix}`
    const options = { subject, phoneNumber, network }
    const phone = context.createPhone()
    const silent = await phone.verify(withAttacker ? { ...options, beforeFinish: attack } : options, onStep)
    const needsFallback = 'next_action' in silent && silent.next_action === 'use_fallback'
    const bySms =
      withSms && needsFallback
        ? await finishBySms({
            phone,
            subject,
            phoneNumber,
            messages: context.verifications.messages,
            sleep: context.options.sleep,
            signal: context.closing,
            onStep,
            onSms: ({ text }) => emit({ type: 'sms', text }),
          })
        : undefined
    emit({ type: 'outcome', outcome: await shownOutcome(bySms ?? silent, context.options.serviceUrl) })
  }
}

async function shownOutcome(outcome: PhoneOutcome, serviceUrl: string): Promise<ShownOutcome> {
  if (!('verified' in outcome)) return outcome
  const { receipt, ...verdict } = outcome
  return receipt === undefined ? verdict : { ...verdict, receipt: await readReceipt(receipt, serviceUrl) }
}

function parseWalk(body: unknown): Walk | undefined {
  if (typeof body !== 'object' || body === null) return undefined
  const {
    phone_number,
    network,
    with_attacker,
    with_sms = false,
    ...unknown
  } = body as Record<string, unknown>
  if (Object.keys(unknown).length > 0) return undefined
  if (typeof phone_number !== 'string' || phone_number.length > maxNumberLength) return undefined
  if (network !== 'cellular' && network !== 'wifi') return undefined
  if (typeof with_attacker !== 'boolean') return undefined
  if (typeof with_sms !== 'boolean') return undefined
  return { phoneNumber: phone_number, network, withAttacker: with_attacker, withSms: with_sms }
}
