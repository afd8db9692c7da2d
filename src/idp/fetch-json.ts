/**
 * GET of one JSON document from the identity provider: bounded in time and size, redirects refused.
 */

/** A key set of twenty RSA keys is under 10 KiB. */
const maxDocumentBytes = 64 * 1024

/** @throws whatever goes wrong, as an Error: the caller turns it into a code */
export async function fetchJson(url: string, timeoutMs: number): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: 'application/json', 'accept-encoding': 'identity' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  })
  const chunks: Uint8Array[] = []
  let receivedBytes = 0
  for await (const chunk of response.body ?? []) {
    receivedBytes += chunk.length
    if (receivedBytes > maxDocumentBytes) throw new Error('the document is too large')
    chunks.push(chunk)
  }
  if (response.status !== 200) throw new Error(`status ${response.status}`)
  return JSON.parse(Buffer.concat(chunks).toString())
}
