import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import type { Rule } from '../../src/ports.ts'
import type { Fault, Match } from '../../src/simulator/faults.ts'
import type { SeenCall } from '../../src/simulator/world-server.ts'
import type { Cell } from '../support/fault-cell.ts'
import { ALL_CALLS, refusal } from '../support/fault-kinds.ts'
import { live, type Story } from '../support/fault-story.ts'
import { OUTCOMES, placesOfSuite } from '../support/fault-table.ts'
import { listedIn, OUR_RULE } from '../support/service-stage.ts'
import { until } from '../support/stores-jobs.ts'

const READ: Match = { method: 'GET', path: /entrypoint$/ }
const WRITE: Match = { method: 'PUT', path: /entrypoint$/ }

describe('a zone whose rules are not what they were', { concurrency: 10 }, () => {
  const places = placesOfSuite()

  for (const [what, fault, says] of [
    [
      'without the rules, at the version that we know',
      (cell) => shown(cell, []),
      /answered with other rules of shop than those of version/,
    ],
    [
      'without the rules of others, at the version that we know',
      (cell) => shown(cell, own(cell)),
      /answered with other rules of shop than those of version/,
    ],
    [
      'without our rule, at the version that we know',
      (cell) => shown(cell, theirs(cell)),
      /answered with other rules of shop than those of version/,
    ],
    [
      'that there is no ruleset, while there is one',
      () => refusal(404, 10003),
      /that there are no rules in shop, and yet has their version \d/,
    ],
    ['with an old version', (cell) => shown(cell, cell.world.zone.rules(), -1), /older than version/],
  ] as const satisfies readonly (readonly [string, (cell: Cell) => Fault, RegExp])[])
    it(`a read answers ${what}: nothing is written, and alerts wait until it is over`, (t) =>
      live(t, places(), {
        ...OUTCOMES.again,
        ...struckBy(READ, fault),
        says,
        // What it wrote, it had read before.
        look: async ({ world: { cloudflare, zone } }) =>
          assert.equal(zone.putTimes.filter((at) => at > firstFault(cloudflare.calls)).length, 0),
      }))

  it('a write is answered without the rules: the next pass looks again, and alerts are blocked', (t) =>
    live(t, places(), {
      ...{ meanwhile: 'end', degraded: [], says: null },
      ...struckBy(
        WRITE,
        ({ world }) => ({
          kind: 'body',
          body: {
            success: true,
            result: {
              ...world.zone.render(world.zone.version(), { rules: false }),
              version: String(world.zone.version() + 1),
            },
          },
        }),
        1,
      ),
    }))

  it('a write is answered with the version before, and not carried out: nothing counts as held, and alerts are tried again', (t) =>
    live(t, places(), {
      ...OUTCOMES.again,
      ...struckBy(WRITE, (cell) => shown(cell, cell.world.zone.rules())),
      says: /answered a write to shop with version \d, which is no new one/,
    }))

  it('the first read says that there is no ruleset, while there is one: nothing is written, and alerts wait', (t) =>
    live(t, places(), {
      ...OUTCOMES.again,
      prepare: ({ cloudflare }) => cloudflare.faults.next(READ, refusal(404, 10003), ALL_CALLS),
      strike: () => undefined,
      struck: ({ world }) => world.cloudflare.calls.some((call) => call.fault !== null),
      says: /that there are no rules in shop, and yet has their version \d/,
      heal: ({ world }) => world.cloudflare.faults.clear(),
    }))

  it('the ruleset is deleted: it is made anew with our rule, and alerts are blocked', (t) =>
    live(t, places(), {
      ...{ meanwhile: 'end', degraded: [], says: /put back/, hitsOthers: true },
      strike: ({ world }) => world.zone.remove(),
      struck: () => true,
      heal: () => undefined,
    }))

  for (const [what, edit] of [
    ['our rule is emptied', emptied],
    ['our rule is deleted', (rules) => rules.filter((rule) => rule.description !== OUR_RULE)],
  ] as const satisfies readonly (readonly [string, Edit])[]) {
    it(`${what}: that is an accident, it is put back once, and alerts are blocked`, (t) =>
      live(t, places(), {
        ...{ meanwhile: 'end', degraded: [], says: /put back/ },
        strike: ({ world }) => world.cloudflare.handEdit(world.zone, edit),
        struck: () => true,
        heal: () => undefined,
      }))

    it(`${what} twice: that is a person’s will, alerts wait, and \`portcullis resume\` ends it`, (t) =>
      live(t, places(), {
        ...{ meanwhile: 'wait', degraded: ['edge:shop'], says: /edge-contested/ },
        async strike({ world, app }) {
          world.cloudflare.handEdit(world.zone, edit)
          await app.tick()
          world.cloudflare.handEdit(world.zone, edit)
        },
        struck: () => true,
        heal: async (cell) => void (await cell.order('POST', '/api/resume', {})),
      }))
  }
})

describe('a zone that disappears', { concurrency: 10 }, () => {
  const places = placesOfSuite()

  it(`it has left the account: ${OUTCOMES.parked.sentence}`, (t) =>
    live(t, places(), {
      ...OUTCOMES.parked,
      strike: ({ world }) => void Object.assign(world.zone, { gone: true }),
      struck: ({ world }) => world.cloudflare.calls.some(({ status }) => status === 403),
      says: /refused the token \(403, code 9109/,
      counts: ['GET', 403],
      heal: ({ world }) => void Object.assign(world.zone, { gone: false }),
    }))

  it('it comes back without its rules: our rule is made anew with all that it held, and alerts are blocked', (t) =>
    live(t, places(), {
      ...{ ...OUTCOMES.parked, hitsOthers: true, says: /refused the token \(403, code 9109/ },
      strike({ world: { zone } }) {
        zone.gone = true
        zone.remove()
      },
      struck: ({ world }) => world.cloudflare.calls.some(({ status }) => status === 403),
      heal: ({ world }) => void Object.assign(world.zone, { gone: false }),
    }))

  it(`Cloudflare knows no such zone: ${OUTCOMES.parked.sentence}`, (t) =>
    live(t, places(), {
      ...OUTCOMES.parked,
      ...struckBy({ path: '/zones/' }, () => refusal(400, 7003)),
      says: /knows no such zone .*CLOUDFLARE_ZONE_ID/,
      counts: ['GET', 400],
    }))

  it(`404 with another code: ${OUTCOMES.again.sentence}`, (t) =>
    live(t, places(), {
      ...OUTCOMES.again,
      ...struckBy({ path: '/zones/' }, () => refusal(404, 1001)),
      says: /Cloudflare refused the request \(404, code 1001/,
      counts: ['GET', 404],
    }))

  it('one of two: the other one goes on blocking, alerts stay open, and are blocked once it is back', (t) => {
    const id = '2'.repeat(32)
    const other = ({ world }: Pick<Cell, 'world'>) => world.cloudflare.zone(id)
    return live(t, places(), {
      ...OUTCOMES.parked,
      world: { moreZones: [{ id, name: 'blog.example' }] },
      env: { CLOUDFLARE_ZONE_ID: `shop=0da42c8d2132a9ddaf714f9e7c920711,blog=${id}` },
      isHeld: (world, address) =>
        [world.zone, world.cloudflare.zone(id)].every((zone) => JSON.stringify(zone.rules()).includes(address)),
      strike: (cell) => void Object.assign(other(cell), { gone: true }),
      struck: ({ world }) => world.cloudflare.calls.some(({ status }) => status === 403),
      says: /refused the token \(403, code 9109/,
      look: ({ world }) => until(() => listedIn(world.zone.rules()).includes('198.51.101.150')),
      heal: (cell) => void Object.assign(other(cell), { gone: false }),
    })
  })
})

type Edit = (rules: Rule[]) => Rule[]

function emptied(rules: Rule[]): Rule[] {
  return rules.map((rule) => (rule.description === OUR_RULE ? { ...rule, expression: 'ip.src eq 198.51.100.7' } : rule))
}

function struckBy(
  match: Match,
  fault: (cell: Cell) => Fault,
  times = ALL_CALLS,
): Pick<Story, 'strike' | 'struck' | 'heal'> {
  return {
    strike: (cell) => cell.world.cloudflare.faults.next(match, fault(cell), times),
    struck: ({ world }) => world.cloudflare.calls.some((call) => call.fault !== null),
    heal: ({ world }) => world.cloudflare.faults.clear(),
  }
}

/** The ruleset as Cloudflare shows it, but with these rules. */
function shown({ world }: Cell, rules: readonly Rule[], older = 0): Fault {
  const { zone } = world
  const result = { ...zone.render(zone.version(), { rules: false }), version: String(zone.version() + older), rules }
  return { kind: 'answer', status: 200, body: { success: true, errors: [], messages: [], result } }
}

function own({ world }: Cell): Rule[] {
  return world.zone.rules().filter(({ description }) => description === OUR_RULE)
}

function theirs({ world }: Cell): Rule[] {
  return world.zone.rules().filter(({ description }) => description !== OUR_RULE)
}

function firstFault(calls: readonly SeenCall[]): number {
  return calls.find(({ fault }) => fault !== null)?.at ?? 0
}
