import type { AddressSet } from '../core/address-set.ts'
import type { AllowEntry } from '../core/guards.ts'
import type { Clock, Edge, Records } from '../ports.ts'

export interface PassDeps {
  readonly records: Records
  readonly clock: Clock
  readonly edge: Edge
  /** Names this instance in leases. */
  readonly holder: string
  /** Unique, and rising with time as text. */
  readonly newId: () => string
  readonly rule: { readonly description: string; readonly action: string; readonly limit: number }
  /** The account's list that bans are or were written to; absent: there never was one. */
  readonly list?: ListLink | undefined
  readonly adoptForMs: number | null
  readonly releaseForMs: number
  readonly maxAlertAgeMs: number
  /** How long ended offences and the history are remembered. */
  readonly offenceMemoryMs: number
  readonly historyForMs: number
  readonly observing: boolean
  readonly friends: () => Friends | Promise<Friends>
  readonly events: PassEvents
}

/** How a zone's rule and the account's list belong together. */
export interface ListLink {
  readonly name: string
  /** true: bans are in the list, and the rule names it. false: they are in the rule again, and it names the list no more. */
  readonly wanted: boolean
}

/** Whom we must never block, as known at this moment. */
export interface Friends {
  readonly allowlist: readonly AllowEntry[]
  readonly cloudflareRanges: AddressSet
  readonly allowDocumentationRanges: boolean
}

export interface PassReport {
  readonly edge: string
  /** `ok`, or the state that keeps the edge from holding. */
  readonly state: string
  readonly detail: string
  readonly wrote: boolean
  /** Addresses whose standing changed: jobs that wait for them are to look again. */
  readonly changed: readonly string[]
  /** Pushed out in this pass: their alerts are no longer blocked. */
  readonly displaced: readonly string[]
  /** Ended, lapsed, refused or let out: the other edges are to let go too. */
  readonly gone: readonly string[]
  /** Cloudflare refused the look, which proves nothing about the token's other rights. */
  readonly unseen?: true
}

/** What a pass reports; each is one line in the log and a metric. */
export interface PassEvents {
  pass(e: { edge: string; result: string; ms: number; wrote: boolean }): void
  held(e: { edge: string; addresses: readonly string[] }): void
  adopted(e: { edge: string; addresses: readonly string[] }): void
  released(e: { edge: string; addresses: readonly string[]; by: string }): void
  /** Entries of others that a version in our own manner of writing lacks: they are not put back. */
  entriesWithdrawn(e: { edge: string; version: number; addresses: readonly string[] }): void
  staleCopyRepaired(e: { edge: string; version: number; addresses: readonly string[] }): void
  putBack(e: { edge: string; version: number; addresses: readonly string[] }): void
  contested(e: { edge: string }): void
  edgeState(e: { edge: string; state: string; detail: string }): void
  displaced(e: { edge: string; addresses: readonly string[] }): void
  ended(e: { addresses: readonly string[]; how: string }): void
  collided(e: { edge: string; version: number; overwritten: number }): void
  edgeFull(e: { edge: string; waiting: number }): void
  wouldAdopt(e: { edge: string; addresses: readonly string[] }): void
  standing(e: {
    edge: string
    held: number
    waiting: Readonly<Record<string, number>>
    used: number
    limit: number
  }): void
}
