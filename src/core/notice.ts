import { parseTerm } from './address.ts'

export const NOTICE_KINDS = ['ban', 'edge-full', 'quota-spent', 'put-back', 'contested', 'failed', 'paused'] as const
export type NoticeKind = (typeof NOTICE_KINDS)[number]

/** Something that people are told of. */
export interface Happening {
  readonly kind: NoticeKind
  /** '': of no edge. */
  readonly edge: string
  /** Addresses; alert ids where the kind is `failed`. What is neither is counted and never shown. */
  readonly subjects: readonly string[]
  /** Why, or by whom; '' where there is nothing to say. */
  readonly detail: string
}

/** Happenings of one kind, put together. */
export interface Gathered {
  readonly kind: NoticeKind
  readonly edges: ReadonlySet<string>
  /** Different ones, at most `MOST_KEPT` … */
  readonly subjects: ReadonlySet<string>
  /** … and how many came after that. */
  readonly uncounted: number
  readonly details: ReadonlySet<string>
}

/** What a template of NOTIFY_BODY sees as `notice`. */
export interface Notice {
  readonly kind: NoticeKind
  readonly severity: 'info' | 'warning' | 'critical'
  /** One line of at most 100 characters. */
  readonly title: string
  /** Title, details and commands, a line each: at most 1,500 characters. */
  readonly text: string
  /** Names of edges. */
  readonly edges: readonly string[]
  /** Addresses in their canonical form, the first 20 of `count`. */
  readonly addresses: readonly string[]
  /** Ids of alerts, the first 20 of `count`. */
  readonly alerts: readonly string[]
  readonly count: number
  /** What to type, ready to be copied. */
  readonly commands: readonly string[]
  /** ISO 8601. */
  readonly time: string
}

const MOST_KEPT = 1000
const MOST_SHOWN = 20
const MOST_DETAILS = 3
const MOST_TEXT = 1500

/** `so far` and one happening more of the same kind; its size has a bound whatever happens. */
export function gather(soFar: Gathered | undefined, { kind, edge, subjects, detail }: Happening): Gathered {
  const known = soFar?.subjects ?? new Set<string>()
  const more = [...new Set(subjects)].filter((subject) => !known.has(subject))
  const room = MOST_KEPT - known.size
  return {
    kind,
    edges: edge === '' ? (soFar?.edges ?? new Set()) : new Set([...(soFar?.edges ?? []), edge]),
    // A thousand of them are not copied for each that comes after them.
    subjects: room > 0 && more.length > 0 ? new Set([...known, ...more.slice(0, room)]) : known,
    uncounted: (soFar?.uncounted ?? 0) + Math.max(0, more.length - room),
    details: detail === '' ? (soFar?.details ?? new Set()) : firstOf([...(soFar?.details ?? []), clip(detail, 200)]),
  }
}

function firstOf(details: readonly string[]): Set<string> {
  return new Set([...new Set(details)].slice(0, MOST_DETAILS))
}

/** The message. `lost`: earlier ones that nobody could be given. */
export function noticeOf(gathered: Gathered, lost: number, now: Date): Notice {
  const { kind, edges, uncounted } = gathered
  const subjects = [...gathered.subjects]
  const count = subjects.length + uncounted
  const shown = kind === 'failed' ? [] : subjects.filter(isAddress).slice(0, MOST_SHOWN)
  const alerts = kind === 'failed' ? subjects.filter(isPlainId).slice(0, MOST_SHOWN) : []
  const names = [...edges].sort()
  const said = WORDS[kind]({ count, shown, alerts, where: names.join(', '), details: [...gathered.details] })
  const title = clip(said.title, 100)
  const missed = lost === 0 ? [] : [`(${plural(lost, 'earlier message')} could not be delivered; see the log)`]
  // The commands come whole or not at all: half a command is another command.
  const commands = said.commands.filter((command) => command.length <= MOST_COMMAND)
  const last = [...commands, ...missed].join('\n')
  const lines = [title, ...said.lines].filter((line) => line !== '').join('\n')
  const text = [clip(lines, MOST_TEXT - last.length - 1), last].filter((part) => part !== '').join('\n')
  const { severity } = said
  return {
    ...{ kind, severity, title, text, edges: names, addresses: shown, alerts, count, commands },
    time: now.toISOString(),
  }
}

const MOST_COMMAND = 1000

interface Known {
  readonly count: number
  readonly shown: readonly string[]
  readonly alerts: readonly string[]
  readonly where: string
  readonly details: readonly string[]
}
interface Said {
  readonly severity: Notice['severity']
  readonly title: string
  readonly lines: readonly string[]
  readonly commands: readonly string[]
}

const WORDS: Readonly<Record<NoticeKind, (known: Known) => Said>> = {
  ban: ({ count, shown, where, details }) => ({
    severity: 'info',
    title: `Banned ${count === 1 ? (shown[0] ?? '1 address') : `${count} addresses`} at ${where}`,
    lines: [count === 1 ? '' : list(shown, count), ...details],
    commands: [...unban(shown), ...(count > shown.length ? ['portcullis bans'] : [])],
  }),
  'edge-full': ({ where, details }) => ({
    severity: 'warning',
    title: `No room left at ${where}`,
    lines: [...details, 'New bans wait until others end; their alerts stay open.'],
    commands: ['portcullis status'],
  }),
  'quota-spent': ({ count, shown, details }) => ({
    severity: 'critical',
    title: `MAX_BANS_PER_HOUR is spent: ${plural(count, 'suspect')} not banned`,
    lines: [list(shown, count), ...details, 'If these are attackers and no broken rule, take their alerts up again:'],
    commands: ['portcullis replay --refused quota-spent'],
  }),
  'put-back': ({ count, shown, where, details }) => ({
    severity: 'critical',
    title: `Put back ${count === 1 ? (shown[0] ?? '1 ban') : `${count} bans`} at ${where}, this once`,
    lines: [list(shown, count), ...details, 'The rule was emptied, which looks like an accident. To let them out:'],
    commands: unban(shown),
  }),
  contested: ({ where, details }) => ({
    severity: 'critical',
    title: `Nothing more is written at ${where}`,
    lines: [...details, 'Our rule was emptied again within 24 h. Alerts wait. To go on:'],
    commands: ['portcullis resume'],
  }),
  failed: ({ count, alerts, details }) => ({
    severity: 'critical',
    title: `Gave up on ${plural(count, 'alert')}`,
    lines: [...details, 'To try again:'],
    commands: [
      alerts.length === count && count <= 5 ? `portcullis replay ${alerts.join(' ')}` : 'portcullis replay --failed',
    ],
  }),
  paused: ({ details }) => ({
    severity: 'warning',
    title: 'Paused: no new bans',
    lines: [...details, 'Bans still end. To go on:'],
    commands: ['portcullis resume'],
  }),
}

function unban(addresses: readonly string[]): string[] {
  return addresses.length === 0 ? [] : [`portcullis unban ${addresses.join(' ')}`]
}

function list(shown: readonly string[], count: number): string {
  if (shown.length === 0) return ''
  return shown.join(', ') + (count > shown.length ? ` and ${count - shown.length} more` : '')
}

/** What a rule made of an attacker's text is no address, and would be sent to a place that renders it. */
function isAddress(text: string): boolean {
  return parseTerm(text) !== null
}

function isPlainId(text: string): boolean {
  return /^[A-Za-z0-9_][A-Za-z0-9_-]{0,127}$/.test(text)
}

function plural(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? '' : 's'}`
}

function clip(text: string, most: number): string {
  const line = text.replaceAll(/[^\P{Cc}\n]/gu, ' ')
  return line.length > most ? `${line.slice(0, Math.max(0, most - 1)).toWellFormed()}…` : line
}
