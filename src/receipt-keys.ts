/** Receipts as the settings want them, with their keys from the settings and from their files whenever these change. Part of `compose.ts`. */
import { createPrivateKey, type KeyObject } from 'node:crypto'
import type { Config } from './config.ts'
import type { PrivateKeysContext } from './private-keys.ts'
import { createReceipts, type ReceiptKeyName, type Receipts } from './receipts/receipts.ts'

/** @returns undefined where receipts are off */
export async function openReceipts(
  config: Config,
  { keyFiles, clock, log, events }: PrivateKeysContext,
): Promise<Receipts | undefined> {
  const { RECEIPT_PRIVATE_KEY: pem, RECEIPT_PRIVATE_KEY_NEXT: nextPem, RECEIPT_ISSUER: issuer } = config
  if (pem === undefined || issuer === undefined) return undefined
  const receipts = await createReceipts({
    issuer,
    audience: config.RECEIPT_AUDIENCE,
    lifetimeSeconds: config.RECEIPT_LIFETIME_SECONDS,
    signing: createPrivateKey(pem),
    next: nextPem === undefined ? undefined : createPrivateKey(nextPem),
    clock,
    events,
    onFailure: (err) => log.error({ err }, 'receipt not signed, the result goes without it'),
  })
  const offer = (name: ReceiptKeyName) => async (key: KeyObject) => {
    const wasPublished = await receipts.offer(name, key)
    if (name === 'signing' && !wasPublished)
      log.warn(
        'receipts are signed by a key that was not published before: backends must fetch the key set anew',
      )
  }
  keyFiles.watch('RECEIPT_PRIVATE_KEY', offer('signing'))
  keyFiles.watch('RECEIPT_PRIVATE_KEY_NEXT', offer('next'))
  return receipts
}
