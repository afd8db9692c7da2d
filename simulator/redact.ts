/**
 * Makes a payload of the wire fit to be shown: phone numbers keep their last two digits, secrets their first six characters.
 * Pure.
 */

/** Members, at any depth, whose value is a secret or stands for one; also the query parameters of a URL. */
const SECRET_MEMBERS = new Set(['state', 'code', 'session', 'access_token', 'hashedPhoneNumber'])

/** CAMARA answers have a `code` too, which is no secret: `UNAUTHENTICATED`. */
const ERROR_CODE = /^[A-Z][A-Z_.]+$/

const PHONE_NUMBER = /\+\d{3,15}/g

/** A copy of the payload without anything that should not be shown. Strings that are not JSON data stay strings. */
export function redactPayload(payload: unknown): unknown {
  if (typeof payload === 'string') return redactText(payload)
  if (Array.isArray(payload)) return payload.map(redactPayload)
  if (typeof payload !== 'object' || payload === null) return payload
  return Object.fromEntries(Object.entries(payload).map(([name, value]) => [name, redactMember(name, value)]))
}

function redactMember(name: string, value: unknown): unknown {
  if (!SECRET_MEMBERS.has(name)) return redactPayload(value)
  const text = String(value)
  return ERROR_CODE.test(text) ? text : shorten(text)
}

function redactText(text: string): string {
  if (/^https?:\/\//.test(text)) return redactUrl(text)
  return text.replace(PHONE_NUMBER, (number) => `+${'*'.repeat(number.length - 3)}${number.slice(-2)}`)
}

function redactUrl(text: string): string {
  const [address, query] = text.split('?')
  if (query === undefined) return text
  const shown = [...new URLSearchParams(query)].map(([name, value]) => {
    return `${name}=${SECRET_MEMBERS.has(name) ? shorten(value) : redactText(value)}`
  })
  return `${address}?${shown.join('&')}`
}

function shorten(secret: string): string {
  return `${secret.slice(0, 6)}…`
}
