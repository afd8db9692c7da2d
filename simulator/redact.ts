/**
 * Makes a payload of the wire fit to be shown: phone numbers keep their last two digits, secrets their first six
 * characters, or one where they are short.
 * Pure.
 */

/** Members, at any depth, whose value is a secret or stands for one; also the query parameters of a URL. */
const secretMembers = new Set([
  'state',
  'code',
  'request_id',
  'session',
  'access_token',
  'receipt',
  'authorization',
  'hashedPhoneNumber',
])
/** Members that hold a phone number, or what someone typed for one. */
const phoneNumberMembers = new Set(['phone_number', 'phoneNumber', 'to'])

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
  const [address = '', query] = hideRequestId(text).split('?')
  if (query === undefined) return address
  const shown = [...new URLSearchParams(query)].map(([name, value]) => {
    return `${name}=${secretMembers.has(name) ? shorten(value) : redactText(value)}`
  })
  return `${address}?${shown.join('&')}`
}

/** The path of a Verify v2 request without the id in it, which is half of what finishes a verification. */
export function hideRequestId(path: string): string {
  return path.replace(/(?<=\/v2\/verify\/)[^/?]+/, '{request_id}')
}

/** All digits but the last two. */
function hideDigits(number: string): string {
  return number.replace(/\d(?=\D*\d\D*\d)/g, '*')
}

/** Keeps the name of an authentication scheme. Of a code that people type the first character is left. */
function shorten(secret: string): string {
  const [scheme, credentials] = secret.split(' ')
  if (credentials !== undefined) return `${scheme} ${credentials.slice(0, 6)}…`
  return `${secret.slice(0, secret.length < 12 ? 1 : 6)}…`
}
