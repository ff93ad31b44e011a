import { PermanentError, RefusedError, RetryLaterError } from '../errors.ts'
import type { ListTrouble } from '../ports-list.ts'
import type { Envelope } from './cloudflare-answer.ts'

export interface ListAnswer {
  readonly envelope: Envelope
  readonly retryAfter: string | null
  readonly write: boolean
}

/** Short, because an operation mostly takes seconds; nobody else's calls are kept waiting for it. */
const BUSY_RETRY_MS = 3_000
/** The limit of calls as a whole. Which code comes with the one operation at a time is not documented. */
const RATE_LIMITED = [10100, 10429]
const NO_ROUTE = [7000, 7003]
const LIST_QUOTA = 10019
const ITEM_FORMAT = 10035
const FULL = /maximum number of items/i
const MENDING: Readonly<Record<ListTrouble, string>> = {
  'list-full':
    'an account takes so many items over all its lists (10,000 below Enterprise); take some out of this one or of another',
  'list-quota':
    "the account's plan allows no further list; delete one that is not used, or name an IP list that is there in CLOUDFLARE_LIST",
  'list-kind': 'name another list in CLOUDFLARE_LIST, or delete that one',
  'item-format': 'where single IPv6 addresses are not taken, their /64 is',
}

/** The failure of a call about lists, told in their words; the given one where nothing is special about it. */
export function listFailure(failure: Error, answer: ListAnswer, accountId: string): Error {
  const { envelope } = answer
  const { said } = envelope
  if (isBusy(answer))
    return new RetryLaterError(
      `Cloudflare is still busy with another change of the account's lists (${said})`,
      BUSY_RETRY_MS,
    )
  if (leadsNowhere(envelope))
    return new RefusedError('cloudflare', `Cloudflare knows no such account (${said}); check CLOUDFLARE_ACCOUNT_ID`)
  if (failure instanceof RefusedError) {
    const mend = `check CLOUDFLARE_ACCOUNT_ID (${accountId}), and that CLOUDFLARE_API_TOKEN is valid and has the permission "Account Filter Lists Edit" of this account`
    return new RefusedError('cloudflare', `Cloudflare refused the token for the account's lists (${said}); ${mend}`)
  }
  const trouble = failure instanceof PermanentError ? troubleOf(said, envelope.codes) : null
  return trouble === null
    ? failure
    : troubleError(trouble, `Cloudflare refused the request (${said})`, envelope.codes[0])
}

/** A path that Cloudflare cannot follow: the account's id is wrong. */
export function leadsNowhere({ codes }: Envelope): boolean {
  return codes.some((code) => NO_ROUTE.includes(code))
}

/** A refusal for the account's one operation at a time, which says nothing about calls as a whole. */
export function isBusy({ envelope, retryAfter, write }: ListAnswer): boolean {
  if (!write || envelope.status !== 429 || retryAfter !== null) return false
  return envelope.codes.length > 0 && !envelope.codes.some((code) => RATE_LIMITED.includes(code))
}

export function troubleOf(said: string, codes: readonly number[] = []): ListTrouble | null {
  if (FULL.test(said)) return 'list-full'
  if (codes.includes(LIST_QUOTA)) return 'list-quota'
  return codes.includes(ITEM_FORMAT) ? 'item-format' : null
}

export function troubleError(trouble: ListTrouble, what: string, code?: number): PermanentError {
  return Object.assign(new PermanentError(`${what}: ${MENDING[trouble]}`), { code, trouble })
}
