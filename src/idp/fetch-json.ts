/**
 * GET of one JSON document from the identity provider: bounded in time and size, redirects refused.
 */
import { ProviderError } from './provider-trouble.ts'

/** A key set of twenty RSA keys is under 10 KiB. */
const maxDocumentBytes = 64 * 1024

/** @throws ProviderError, or whatever else goes wrong, as an Error: the caller turns it into a code */
export async function fetchJson(url: string, timeoutMs: number): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: 'application/json', 'accept-encoding': 'identity' },
    redirect: 'manual',
    signal: AbortSignal.timeout(timeoutMs),
  })
  const body = await readBounded(response)
  const { status } = response
  if (status >= 300 && status < 400)
    throw new ProviderError(`a redirect (status ${status}), which is not followed`)
  if (status !== 200) throw new ProviderError(`status ${status}`, status)
  return parseJson(body)
}

/** @throws ProviderError when it is longer than any honest document of a provider */
export async function readBounded(response: Response): Promise<Uint8Array<ArrayBuffer>> {
  const chunks: Uint8Array[] = []
  let receivedBytes = 0
  for await (const chunk of response.body ?? []) {
    receivedBytes += chunk.length
    if (receivedBytes > maxDocumentBytes) throw new ProviderError('the document is too large')
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Some providers put a byte order mark before it, which the decoder takes off. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes))
  } catch {
    throw new ProviderError('the document is not JSON')
  }
}
