import type { Config } from '../config.ts'
import { listClause, namesList } from '../core/list-clause.ts'
import { isHoldingAction } from '../core/own-rule.ts'
import { messageOf } from '../errors.ts'
import type { Budget, Rule } from '../ports.ts'
import type { ListInfo } from '../ports-list.ts'
import { bad, type Finding, good, warn } from './check-finding.ts'
import { checkWriters } from './check-neighbours.ts'
import { createCloudflareList } from './cloudflare-list.ts'

type Settings = Config['cloudflare']

/** Below Enterprise an account takes so many items, over all its lists. */
const USUAL_LIMIT = 10_000

/** The account's list: whether the token may write it, its kind, its room, and how many rules name it. Changes nothing. */
export async function* checkList(settings: Settings, budget: Budget): AsyncGenerator<Finding> {
  const { apiUrl, apiToken: token, accountId, list: name } = settings
  if (settings.target !== 'list' || accountId === null) return
  const what = `list ${name}`
  let info: ListInfo | null
  try {
    const list = createCloudflareList({ apiUrl, token, accountId, name, budget })
    info = await list.probe()
    if (info !== null) yield* checkWriters(what, await list.items())
  } catch (error) {
    yield bad(what, messageOf(error))
    return
  }
  if (info === null) {
    const note = 'is not there yet; it is made with the first ban. So far only reading lists was tried'
    yield warn(what, `${note}: the token needs the permission "Account Filter Lists Edit"`)
    return
  }
  const share = Math.round((info.items / USUAL_LIMIT) * 100)
  const room = `holds ${info.items} items (${share} % of the ${USUAL_LIMIT} that an account below Enterprise takes over all its lists)`
  yield (share >= 90 ? warn : good)(what, `can be written; ${room}`)
  if (info.rules > 0)
    yield good(what, `${info.rules} ${info.rules === 1 ? 'rule of the account names' : 'rules of the account name'} it`)
  else if (settings.manageRule) yield good(what, 'no rule names it yet; ours will, with the first ban')
  else yield bad(what, `no rule of the account names it: make one with the expression ${listClause(name)}`)
}

/** With CLOUDFLARE_MANAGE_RULE=off: whether a rule of this zone stops whom the list holds. */
export function referenceFinding(what: string, rules: readonly Rule[], { list }: Settings): Finding {
  const naming = rules.filter(({ expression }) => namesList(String(expression), list))
  const inForce = naming.find(({ enabled, action }) => enabled !== false && isHoldingAction(action))
  if (inForce !== undefined)
    return good(what, `${JSON.stringify(inForce.description ?? inForce.id ?? '')} names the list, and is in force`)
  if (naming.length === 0)
    return bad(what, `edge-unreferenced: no rule of this zone names the list; make one with ${listClause(list)}`)
  return bad(what, 'edge-unreferenced: the rule that names the list is switched off, or its action stops nobody')
}
