/**
 * The body of `POST /v2/verify`, read as Vonage documents it: what a workflow may hold, and what is wrong with one.
 * Source: Vonage Verify v2 API reference, OpenAPI 1.0.1. Pure.
 */

type Channel = 'silent_auth' | 'sms'

export interface WorkflowStep {
  channel: Channel
  /** E.164 without the plus sign. */
  to: string
}

export interface StartRequest {
  brand: string
  /** 1 to 3; silent authentication only in the first place. */
  steps: readonly [WorkflowStep, ...WorkflowStep[]]
  codeLength: number
  /** How long a step waits for its code; the silent one always waits 60 s. */
  channelTimeoutMs: number
  /** Whether a network without silent authentication is found out at the start. */
  coverageCheck: boolean
}

/** A member of `invalid_parameters` in a 422. */
export interface InvalidParameter {
  name: string
  reason: string
}

type Members = Record<string, unknown>

const defaultCodeLength = 4
const defaultChannelTimeoutSeconds = 300

/** What each optional member of the body must be, and the reason that refuses it. */
const options: Record<string, [isValid: (value: unknown) => boolean, reason: string]> = {
  code_length: [(value) => isWholeNumber(value, 4, 10), 'must be 4 to 10'],
  channel_timeout: [(value) => isWholeNumber(value, 15, 900), 'must be 15 to 900 seconds'],
  locale: [(value) => isText(value, /^[a-z]{2}-[a-z]{2}$/), 'must be a locale such as en-us'],
  client_ref: [(value) => isText(value, /^[a-zA-Z0-9]{1,40}$/), 'must be 1 to 40 letters and digits'],
  fraud_check: [(value) => typeof value === 'boolean', 'must be a boolean'],
}

const stepMembers: Record<Channel, Record<string, (value: unknown) => boolean>> = {
  silent_auth: { coverage_check: (value) => typeof value === 'boolean' },
  sms: {
    from: (value) => isText(value, /^.{1,15}$/),
    app_hash: (value) => isText(value, /^.{11}$/),
  },
}

/** @returns the request, or a list of everything that is wrong with it */
export function parseStartRequest(body: unknown): StartRequest | InvalidParameter[] {
  const { brand, workflow, ...optional } = isObject(body) ? body : {}
  const problems = [
    ...(isText(brand, /^[^/{}:$]{1,18}$/)
      ? []
      : [{ name: 'brand', reason: 'must be 1 to 18 characters, none of / { } : $' }]),
    ...problemsOfWorkflow(workflow),
    ...Object.entries(optional).flatMap(([name, value]) => problemsOfOption(name, value)),
  ]
  if (problems.length > 0) return problems
  const steps = workflow as [WorkflowStep & Members, ...Array<WorkflowStep & Members>]
  return {
    brand: String(brand),
    steps,
    codeLength: Number(optional.code_length ?? defaultCodeLength),
    channelTimeoutMs: Number(optional.channel_timeout ?? defaultChannelTimeoutSeconds) * 1000,
    coverageCheck: steps[0].coverage_check !== false,
  }
}

function problemsOfWorkflow(workflow: unknown): InvalidParameter[] {
  if (!Array.isArray(workflow) || workflow.length < 1 || workflow.length > 3)
    return [{ name: 'workflow', reason: 'must have 1 to 3 steps' }]
  const problems = workflow.flatMap((step, index) => {
    const reason = problemOfStep(step, index)
    return reason ? [{ name: `workflow[${index}]`, reason }] : []
  })
  if (problems.length > 0) return problems
  // The virtual operator (Vonage, Verify test numbers): nothing but silent authentication.
  const reachesVirtualOperator = workflow.some(({ to }) => to.startsWith('990'))
  return reachesVirtualOperator && (workflow.length > 1 || workflow[0].channel !== 'silent_auth')
    ? [{ name: 'workflow', reason: 'silent_auth must be the only step for a number of the virtual operator' }]
    : []
}

function problemOfStep(step: unknown, index: number): string | undefined {
  if (!isObject(step)) return 'must be an object'
  const { channel, to, ...further } = step
  if (channel !== 'silent_auth' && channel !== 'sms') return 'must have the channel silent_auth or sms'
  if (channel === 'silent_auth' && index > 0) return 'silent_auth must be the first step'
  if (!isText(to, /^[1-9]\d{6,14}$/)) return 'to must be E.164 without the plus sign'
  const wrong = Object.entries(further).find(([name, value]) => !stepMembers[channel][name]?.(value))
  return wrong && `${wrong[0]} is not valid here`
}

function problemsOfOption(name: string, value: unknown): InvalidParameter[] {
  const [isValid, reason] = options[name] ?? [() => false, 'is not known']
  return isValid(value) ? [] : [{ name, reason }]
}

function isObject(value: unknown): value is Members {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function isText(value: unknown, pattern: RegExp): boolean {
  return typeof value === 'string' && pattern.test(value)
}

function isWholeNumber(value: unknown, least: number, most: number): boolean {
  return Number.isInteger(value) && Number(value) >= least && Number(value) <= most
}
