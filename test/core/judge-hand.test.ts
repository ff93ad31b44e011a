import { deepEqual } from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { TrailStep } from '../../src/core/edge-state.ts'
import { type HandFacts, judgeHand } from '../../src/core/judge-hand.ts'

const NOW = new Date('2026-03-01T12:00:00.000Z')
const ago = (minutes: number) => new Date(NOW.getTime() - minutes * 60_000).toISOString()
const HOUR = 60
const DAY = 24 * HOUR

/** `1 2 3` is 1.1.1.1, 1.1.1.2, 1.1.1.3; `-` is a version without our rule. */
const terms = (text: string) =>
  text
    .split(' ')
    .filter((n) => /\d/.test(n))
    .map((n) => (n.includes('/') ? n : `1.1.1.${n}`))
const snapshot = (text: string) => ({ terms: text === '-' ? [] : terms(text), present: text !== '-' })
/** Versions before the newest, oldest first, as steps that lead there. */
const trailOf = (...versions: string[]): TrailStep[] =>
  versions.slice(1).map((text, i) => {
    const [was, is] = [terms(versions[i] as string), terms(text)]
    const [gained, lost] = [is.filter((t) => !was.includes(t)), was.filter((t) => !is.includes(t))]
    return { version: i + 2, at: ago(5), gained, lost, present: text !== '-' }
  })
const nothing = { adding: new Set<string>(), removing: new Set<string>() }
const contest = (ruleGone: boolean, text: string) => ({ at: ago(60), ruleGone, terms: terms(text) })

function hand(before: string, it: string, facts: Partial<HandFacts>): Record<string, string> {
  const quiet = {
    otherwiseChanged: false,
    asWritten: false,
    whose: { ours: new Set<string>(), theirs: new Set<string>() },
    shared: true,
    wasDisabled: false,
    partLost: false,
    trail: [],
    unseen: nothing,
    awaited: new Set<string>(),
  }
  const found = judgeHand({
    ...{ ...quiet, before: snapshot(before), it: snapshot(it) },
    ...{ takenOut: {}, putBackAt: null, contested: null, now: NOW, ...facts },
  })
  const said: Record<string, string> = {}
  for (const word of ['adopted', 'restored', 'released', 'stale', 'accident', 'withdrawn'] as const)
    if (found[word].length > 0) said[word] = found[word].map((t) => t.replace('1.1.1.', '')).join(' ')
  if (found.contested !== null) said.contested = found.contested.ruleGone ? 'the rule' : 'terms'
  return said
}
const says = (what: string, before: string, it_: string, facts: Partial<HandFacts>, expected: Record<string, string>) =>
  it(`${what}: {${before}} then {${it_}}`, () => deepEqual(hand(before, it_, facts), expected))

describe('what a version says that we did not write', () => {
  says('nothing changes', '1 2', '1 2', {}, {})
  says('a term is added', '1', '1 2', {}, { adopted: '2' })
  says('a term inside one of ours is no entry', '1.1.1.0/24', '1.1.1.0/24 7', {}, {})
  says('a term is taken out', '1 2', '1', {}, { released: '2' })
  says('one is taken for the other', '1', '2', {}, { released: '1', adopted: '2' })
  says('a wider term takes its place', '1', '1.1.1.0/24', {}, { adopted: '0/24' })
  says('the rule of one term is deleted', '1', '-', {}, { released: '1' })
  says('the rule is made', '-', '1', {}, { adopted: '1' })
})

describe('an old copy', () => {
  const trail = trailOf('1', '1 2', '1 2 3')
  const other = { otherwiseChanged: true, trail }
  says('lacks what came later', '1 2 3', '1', other, { stale: '2 3' })
  says('with a term of its own', '1 2 3', '1 9', { trail }, { adopted: '9', stale: '2 3' })
  says('unless nothing else is in it', '1 2 3', '1', { trail }, { released: '2 3' })
  says('unless it is the newest', '1 2 3', '1 2 3', other, {})
  says('brings back what ended', '3', '1 2', { otherwiseChanged: true, trail: trailOf('1 2', '3') }, { stale: '3' })
  says('who only adds means it', '3', '1 3', { trail: trailOf('1 3', '3') }, { adopted: '1' })
  says(
    'a second time within the hour means it',
    '1 2',
    '1',
    { otherwiseChanged: true, trail: trailOf('1', '1 2'), takenOut: { '1.1.1.2': ago(59) } },
    { released: '2' },
  )
  says(
    'a second time after an hour does not',
    '1 2',
    '1',
    { otherwiseChanged: true, trail: trailOf('1', '1 2'), takenOut: { '1.1.1.2': ago(HOUR) } },
    { stale: '2' },
  )
  says('from before the rule was is no copy', '1', '2', { trail: trailOf('-', '1') }, { released: '1', adopted: '2' })
})

describe('a version that another Portcullis may have written', () => {
  const trail = trailOf('1', '1 2', '1 2 3')
  const whose = (ours: string, theirs: string) => ({ ours: new Set(terms(ours)), theirs: new Set(terms(theirs)) })
  const written = { asWritten: true, trail, whose: whose('1', '2 3') }
  says('ends others’ entries as it adds one', '1 2 3', '1 9', written, { adopted: '9', withdrawn: '2 3' })
  says(
    'leaves what we ban, too, to be put back',
    '1 2 3',
    '1 9',
    { ...written, whose: whose('1 2', '2 3') },
    { adopted: '9', stale: '2', withdrawn: '2 3' },
  )
  says(
    'is none where what we alone ban is missing',
    '1 2 3',
    '1 9',
    { ...written, whose: whose('1 2', '3') },
    { adopted: '9', stale: '2 3' },
  )
  says(
    'is none that empties the rule where no other one is known',
    '2 3 4 5 6',
    '',
    { ...written, whose: whose('', '2 3 4 5 6'), shared: false },
    { accident: '2 3 4 5 6' },
  )
  says(
    'is none where anything else changed',
    '1 2 3',
    '1 9',
    { ...written, otherwiseChanged: true },
    { adopted: '9', stale: '2 3' },
  )
  says('ends many at once', '2 3 4 5 6', '', { ...written, whose: whose('', '2 3 4 5 6') }, { withdrawn: '2 3 4 5 6' })
  says(
    'ends many at once a second time, among them some that we ban',
    '2 3 4 5 6',
    '',
    { ...written, whose: whose('2', '2 3 4 5 6'), putBackAt: ago(1) },
    { stale: '2', withdrawn: '2 3 4 5 6' },
  )
  says(
    'takes out a second time within the hour what we ban',
    '1 2',
    '1 9',
    { ...written, whose: whose('2', '2'), takenOut: { '1.1.1.2': ago(59) } },
    { adopted: '9', released: '2' },
  )
  says(
    'brings back what it had before, and one more',
    '',
    '1 2 3 9',
    { asWritten: true, trail: trailOf('1 2 3', '') },
    { adopted: '1 2 3 9' },
  )
  says(
    'only adds what it had before',
    '1',
    '1 2 3',
    { asWritten: true, trail: trailOf('2 3', '', '1') },
    { adopted: '2 3' },
  )
})

describe('an accident', () => {
  says('five of nine', '1 2 3 4 5 6 7 8 9', '6 7 8 9', {}, { accident: '1 2 3 4 5' })
  says('five of ten is none', '1 2 3 4 5 6 7 8 9 10', '6 7 8 9 10', {}, { released: '1 2 3 4 5' })
  says('four of four is none', '1 2 3 4', '', {}, { released: '1 2 3 4' })
  says('the rule of five is deleted', '1 2 3 4 5', '-', {}, { accident: '1 2 3 4 5' })
  says('again within a day', '1 2 3 4 5', '', { putBackAt: ago(DAY - 1) }, { contested: 'terms' })
  says('again after a day', '1 2 3 4 5', '', { putBackAt: ago(DAY) }, { accident: '1 2 3 4 5' })
  says('deleted within a day of a putting-back', '1', '-', { putBackAt: ago(1) }, { contested: 'the rule' })
  says('deleted while it was off', '1', '-', { wasDisabled: true }, { contested: 'the rule' })
})

describe('a contest', () => {
  const [gone, wiped] = [{ contested: contest(true, '1 2') }, { contested: contest(false, '1 2 3 4 5') }]
  const awaited = new Set(terms('1 2 3 4 5'))
  says('goes on', '', '', wiped, { contested: 'terms' })
  says('goes on while few are back', '', '1 2', { ...wiped, awaited }, { contested: 'terms', restored: '1 2' })
  says('is over when most are back', '', '1 2 3', { ...wiped, awaited }, { restored: '1 2 3' })
  says('about the rule goes on without it', '-', '-', gone, { contested: 'the rule' })
  says('about the rule is over with it', '-', '1', { ...gone, awaited }, { restored: '1' })
})

describe('what a PUT of ours may have done between', () => {
  const of = (...some: string[]) => new Set(some)
  says('adding', '1', '1 2', { unseen: { adding: of('1.1.1.2'), removing: of() } }, {})
  says('removing', '1 2', '1', { unseen: { adding: of(), removing: of('1.1.1.2') } }, {})
})
