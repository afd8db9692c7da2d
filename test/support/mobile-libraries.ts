/**
 * How Vonage's two client libraries read the page at the end of the redirects: two small parsers, as narrow as the libraries
 * are and no wiser. Written after their sources.
 * @see github.com/Vonage/vonage-ios-client-library, CellularConnectionManager.swift
 * @see github.com/Vonage/vonage-android-client-library, ClientSocket.kt
 */

/** What an app gets from its library. No body: the library found none that it can read. */
export interface LibraryResult {
  http_status: number
  response_body: Record<string, unknown> | undefined
}

const bodyTypes = ['application/json', 'application/hal+json', 'application/problem+json']
const iosReadBytes = 64 * 1024

/**
 * One read of at most 64 KiB is all that it sees. It looks for `Content-Type: ` in this case, then for an empty line, then for
 * a brace, and takes all from there; so the body must end where the read does.
 * @param firstRead what came first; the rest is lost to it
 */
export function readAsIosLibrary(firstRead: Buffer): LibraryResult {
  const text = firstRead.toString('utf8', 0, iosReadBytes)
  const http_status = Number(text.slice(9, 12))
  const type = /Content-Type: (.*)\r\n/.exec(text)?.[1]
  const headEnd = text.indexOf('\r\n\r\n')
  const length = Number(/\r\nContent-Length: (\d+)\r\n/.exec(text)?.[1])
  const body = text.slice(headEnd + 4)
  const isReadable =
    headEnd > 0 &&
    bodyTypes.some((readable) => type?.includes(readable)) &&
    !/Transfer-Encoding: chunked/i.test(text) &&
    length === Buffer.byteLength(body)
  return { http_status, response_body: isReadable ? parseObject(body.slice(body.indexOf('{'))) : undefined }
}

/**
 * Reads until the connection ends, line by line, and looks for headers in every line, also of the body: a body that names one
 * with its colon is lost. It knows three media types, without parameters, and objects only.
 */
export function readAsAndroidLibrary(bytes: Buffer): LibraryResult {
  let http_status = 0
  let type = ''
  let inBody = false
  let body = ''
  for (const line of bytes.toString().split('\n')) {
    if (line.startsWith('HTTP/')) http_status = Number(line.split(' ')[1])
    else if (/[Ss]et-[Cc]ookie:/.test(line)) continue
    else if (/[Ll]ocation:/.test(line)) return { http_status, response_body: undefined }
    else if (/Content-Type:|content-type:/.test(line)) type = (line.split(' ')[1] ?? '').replace(/[;\r]/g, '')
    else if (bodyTypes.includes(type) && line === '\r') inBody = true
    else if (inBody) body += line.replaceAll('\r', '')
  }
  return { http_status, response_body: parseObject(body.slice(body.indexOf('{'), body.lastIndexOf('}') + 1)) }
}

function parseObject(text: string): LibraryResult['response_body'] {
  try {
    const value: unknown = JSON.parse(text)
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? { ...value } : undefined
  } catch {
    return undefined
  }
}
