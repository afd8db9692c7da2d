/**
 * Prints what happens in a verification to the terminal: the first story in full, of a further one only what differs from it.
 * Lines wrap between words at the terminal's width. Coloured in a terminal only.
 */

import { styleText } from 'node:util'
import type { PhoneOutcome } from '../simulator/answers.ts'
import { captionOf } from '../simulator/captions.ts'
import type { Hop } from '../simulator/hops.ts'
import type { Step } from '../simulator/phone.ts'
import { wrap } from './wrap.ts'

type Style = Parameters<typeof styleText>[0]
type Request = (Step | Hop) & { headers?: unknown }

const names: Record<Step['from'] | Step['to'] | Hop['from'], string> = {
  attacker: 'Attacker',
  device: 'App',
  service: 'Our service',
  vonage: 'Vonage',
  carrier: 'Carrier',
  identity_provider: 'Identity provider',
  elsewhere: 'Elsewhere',
}

/** Wide enough for the longest pair of names. */
const partiesWidth = 25
/** Wider lines are hard to read. */
const maxColumns = 120
const columns = Math.min(process.stdout.columns ?? 80, maxColumns)

export interface Transcript {
  title(title: string): void
  /** The request, then what the service asked before it answered. @param caption instead of the usual one */
  step(step: Step, caption?: string): void
  outcome(outcome: PhoneOutcome): void
  check(passed: boolean, claim: string): void
}

/** @param verbose whether every story is told in full */
export function createTranscript({ verbose }: { verbose: boolean }): Transcript {
  const told = new Set<string>()
  let isFirst = true
  let repeated = 0

  function flush(): void {
    if (repeated > 0)
      print(style('dim', `  … ${repeated} ${repeated === 1 ? 'request' : 'requests'} as in 1`))
    repeated = 0
  }

  function printHead(
    { from, to, method, path, status, durationMs }: Request,
    indent: string,
    caption: string,
  ): void {
    const parties = `${indent}${names[from]} → ${names[to]}`.padEnd(partiesWidth)
    const answer = status === 0 ? 'cut' : String(status)
    const mark = style(status >= 200 && status < 400 ? 'green' : 'red', answer)
    const time = verbose ? `${durationMs} ms  ` : ''
    print(wrap(`${parties}  ${method} ${path}  ${mark}  ${time}${caption}`, columns, `${indent}    `))
  }

  function printPayloads({ headers, request, response }: Request, indent: string): void {
    if (isFirst || verbose) printPayload('>', { ...asObject(headers), ...asObject(request) }, indent)
    printPayload('<', response, indent)
  }

  function printPayload(mark: string, payload: unknown, indent: string): void {
    const text = typeof payload === 'string' ? payload : membersOf(payload)
    // The next request shows what the query was.
    const shown = verbose ? text : text.replaceAll(/(https?:[^\s?",]+)\?[^\s",]+/g, '$1?…')
    if (text !== '') print(style('dim', wrap(`${indent}  ${mark} ${shown}`, columns, `${indent}    `)))
  }

  return {
    title(title) {
      flush()
      isFirst = told.size === 0
      print(`\n${style('bold', wrap(title, columns, '   '))}\n`)
    },

    step(step, caption = captionOf(step)) {
      for (const request of [step, ...(step.inside ?? [])]) {
        const isNews = isFirst || verbose || !told.has(gist(request))
        if (isFirst) told.add(gist(request))
        if (isNews) {
          flush()
          const isInside = request !== step
          printHead(request, isInside ? '    ' : '  ', isInside ? captionOf(request) : caption)
          printPayloads(request, isInside ? '    ' : '  ')
        } else repeated += 1
      }
    },

    outcome(outcome) {
      flush()
      const result =
        'verified' in outcome
          ? `phone_number_verified: ${outcome.verified}`
          : `${outcome.code}, next_action: ${outcome.next_action}`
      print(wrap(`  ${style('bold', result)}: ${outcome.advice}`, columns, '  '))
    },

    check(passed, claim) {
      flush()
      print(style(passed ? 'green' : 'red', wrap(`  ${passed ? '✓' : '✗'} ${claim}`, columns, '    ')))
    },
  }
}

export function print(text: string): void {
  process.stdout.write(`${text}\n`)
}

/** What makes a request another one for the reader: who does what, over which network, and how it ends. */
function gist(request: Request): string {
  const ends = Object.values(asObject(request.response)).filter((value) => typeof value === 'boolean')
  return JSON.stringify([request.from, request.path, request.status, captionOf(request), ends])
}

/** Of a problem only what an app switches on. */
function membersOf(payload: unknown): string {
  const { code, next_action, ...others } = asObject(payload) as Record<string, unknown>
  const members = next_action === undefined ? asObject(payload) : { status: others.status, code, next_action }
  return Object.entries(members)
    .map(([name, value]) => `${name}:\u00a0${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(', ')
}

function asObject(value: unknown): object {
  return typeof value === 'object' && value !== null ? value : {}
}

function style(format: Style, text: string): string {
  return styleText(format, text, { stream: process.stdout })
}
