/** Prints what happens in a verification to the terminal, a line for each request. Coloured in a terminal only. */

import { styleText } from 'node:util'
import type { PhoneOutcome } from '../simulator/answers.ts'
import { captionOf } from '../simulator/captions.ts'
import type { Hop } from '../simulator/hops.ts'
import type { Step } from '../simulator/phone.ts'

type Style = Parameters<typeof styleText>[0]

const names: Record<Step['from'] | Step['to'] | Hop['from'], string> = {
  attacker: 'Attacker',
  device: 'App',
  service: 'Our service',
  vonage: 'Vonage',
  carrier: 'Carrier',
  identity_provider: 'Identity provider',
  elsewhere: 'Elsewhere',
}

/** The widths of the columns: who, whom, method and path. */
const widths = [14, 17, 46] as const

export function printTitle(title: string): void {
  print(`\n${style('bold', title)}\n`)
}

/** The request, then what the service asked before it answered, indented. */
export function printStep(step: Step): void {
  printRequest(step, '  ')
  for (const hop of step.inside ?? []) printRequest(hop, '    ')
}

export function printOutcome(outcome: PhoneOutcome): void {
  const result =
    'verified' in outcome
      ? `phone_number_verified: ${outcome.verified}`
      : `${outcome.code}, next_action: ${outcome.next_action}`
  print(`  ${style('bold', result)}\n  ${outcome.advice}\n`)
}

export function printCheck(passed: boolean, claim: string): void {
  print(passed ? style('green', `  ✓ ${claim}`) : style('red', `  ✗ ${claim}`))
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

function printRequest(step: (Step | Hop) & { headers?: unknown }, indent: string): void {
  const { from, to, method, path, status, durationMs } = step
  const [who, whom, what] = widths
  const parties = `${names[from].padEnd(who - indent.length + 2)}→ ${names[to].padEnd(whom)}`
  const answer = status === 0 ? 'cut' : String(status)
  print(
    `${indent}${parties} ${`${method} ${path}`.padEnd(what)} ` +
      `${style(status >= 200 && status < 400 ? 'green' : 'red', answer.padStart(3))} ` +
      `${style('dim', `${String(durationMs).padStart(5)} ms  ${captionOf(step)}`)}`,
  )
  printPayload('>', { ...asObject(step.headers), ...asObject(step.request) }, indent)
  printPayload('<', step.response, indent)
}

function printPayload(mark: string, payload: unknown, indent: string): void {
  if (payload === undefined || payload === null) return
  if (typeof payload === 'object' && Object.keys(payload).length === 0) return
  const text = `${indent}  ${mark} ${typeof payload === 'string' ? payload : JSON.stringify(payload)}`
  const { isTTY, columns } = process.stdout
  print(style('dim', isTTY && text.length > columns ? `${text.slice(0, columns - 1)}…` : text))
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

function style(format: Style, text: string): string {
  return styleText(format, text, { stream: process.stdout })
}
