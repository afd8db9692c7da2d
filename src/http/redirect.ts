/**
 * The query of a redirect that came back, read from its target. Only what is used may decide: a parameter that is not ours is never
 * decoded, so nothing that an operator adds makes a good redirect bad.
 * @see RFC 6749 section 4.1.2: unknown parameters are ignored, and none of ours is there twice
 */

/** A member is `undefined` when it is absent, and `code` and `state` also when repeated or not decodable. */
export interface Redirect {
  /** The first one; what cannot be decoded is an error all the same, and an empty text. */
  error: string | undefined
  code: string | undefined
  state: string | undefined
}

/** @param target of the request, with its query; a fragment is no part of that */
export function parseRedirect(target: string): Redirect {
  const [, query = ''] = /^[^?#]*\?([^#]*)/.exec(target) ?? []
  const parameters = query.split('&').map((parameter) => {
    const end = parameter.indexOf('=')
    return end < 0
      ? { name: parameter, value: '' }
      : { name: parameter.slice(0, end), value: parameter.slice(end + 1) }
  })
  const valuesOf = (wanted: string) =>
    parameters.flatMap(({ name, value }) => (name === wanted ? [value] : []))
  const only = (wanted: string) => {
    const [value, ...more] = valuesOf(wanted)
    return value === undefined || more.length > 0 ? undefined : decode(value)
  }
  const [error] = valuesOf('error')
  return {
    error: error === undefined ? undefined : (decode(error) ?? ''),
    code: only('code'),
    state: only('state'),
  }
}

/** As forms are. @returns undefined for a malformed escape */
function decode(text: string): string | undefined {
  try {
    return decodeURIComponent(text.replaceAll('+', ' '))
  } catch {
    return undefined
  }
}
