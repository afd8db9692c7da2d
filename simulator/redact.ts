/**
 * Makes a payload of the wire fit to be shown: phone numbers keep their last two digits, secrets their first six characters.
 * Pure.
 */

/** Members, at any depth, whose value is a secret or stands for one; also the query parameters of a URL. */
const secretMembers = new Set([
  'state',
  'code',
  'session',
  'access_token',
  'authorization',
  'hashedPhoneNumber',
])
/** Members that hold a phone number, or what someone typed for one. */
const phoneNumberMembers = new Set(['phone_number', 'phoneNumber'])

const phoneNumberPattern = /\+\d{3,15}/g

/** A copy of the payload without anything that should not be shown. Strings that are not JSON data stay strings. */
export function redactPayload(payload: unknown): unknown {
  if (typeof payload === 'string') return redactText(payload)
  if (Array.isArray(payload)) return payload.map(redactPayload)
  if (typeof payload !== 'object' || payload === null) return payload
  // The body of an error repeats its status; its `code` is the error's name and no secret.
  const isError = 'status' in payload && typeof payload.status === 'number'
  return Object.fromEntries(
    Object.entries(payload).map(([name, value]) => [
      name,
      isError && name === 'code' ? value : redactMember(name, value),
    ]),
  )
}

function redactMember(name: string, value: unknown): unknown {
  if (phoneNumberMembers.has(name)) return hideDigits(String(value))
  return secretMembers.has(name) ? shorten(String(value)) : redactPayload(value)
}

function redactText(text: string): string {
  if (/^https?:\/\//.test(text)) return redactUrl(text)
  return text.replace(phoneNumberPattern, hideDigits)
}

function redactUrl(text: string): string {
  const [address, query] = text.split('?')
  if (query === undefined) return text
  const shown = [...new URLSearchParams(query)].map(([name, value]) => {
    return `${name}=${secretMembers.has(name) ? shorten(value) : redactText(value)}`
  })
  return `${address}?${shown.join('&')}`
}

/** All digits but the last two. */
function hideDigits(number: string): string {
  return number.replace(/\d(?=\D*\d\D*\d)/g, '*')
}

/** Keeps the name of an authentication scheme. */
function shorten(secret: string): string {
  const [scheme, credentials] = secret.split(' ')
  return credentials === undefined ? `${secret.slice(0, 6)}…` : `${scheme} ${credentials.slice(0, 6)}…`
}
