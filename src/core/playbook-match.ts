import type { Alert } from './alert.ts'
import type { Playbook, Trigger } from './playbook.ts'

/** The one playbook that answers the alert: the first enabled one, in file-name order, of which a trigger matches. */
export function matchPlaybook(playbooks: readonly Playbook[], alert: Alert): Playbook | null {
  return inOrder(playbooks).find((playbook) => playbook.enabled && playbook.triggers.some(matches(alert))) ?? null
}

/** By file name as its bytes compare, so that the order is the same on every machine. */
export function inOrder(playbooks: readonly Playbook[]): Playbook[] {
  return [...playbooks].sort((a, b) => (a.file < b.file ? -1 : a.file > b.file ? 1 : 0))
}

/** Files of enabled playbooks that no alert can reach: whatever they match, one before them matches too. */
export function neverMatching(playbooks: readonly Playbook[]): string[] {
  const enabled = inOrder(playbooks).filter((playbook) => playbook.enabled)
  return enabled
    .filter((playbook, place) => {
      const earlier = enabled.slice(0, place).flatMap((before) => before.triggers)
      return playbook.triggers.every((trigger) => earlier.some((wider) => covers(wider, trigger)))
    })
    .map((playbook) => playbook.file)
}

/** Zones that a playbook names and that are not configured, so that the start can refuse them. */
export function unknownZones(
  playbooks: readonly Playbook[],
  zones: readonly string[],
): { readonly file: string; readonly step: string; readonly zone: string }[] {
  return playbooks.flatMap((playbook) =>
    playbook.steps.flatMap((step) =>
      (step.type === 'cloudflare.block' ? (step.zones ?? []) : [])
        .filter((zone) => !zones.includes(zone))
        .map((zone) => ({ file: playbook.file, step: step.name, zone })),
    ),
  )
}

function matches(alert: Alert): (trigger: Trigger) => boolean {
  const { rule, severity } = alert
  return (trigger) =>
    (trigger.rules.length === 0 || trigger.rules.some((name) => [rule.name, rule.ruleId, rule.id].includes(name))) &&
    (trigger.tags.length === 0 || trigger.tags.some((tag) => rule.tags.includes(tag))) &&
    (trigger.severity.length === 0 || (severity !== null && trigger.severity.includes(severity)))
}

/** Whether every alert that matches `trigger` matches `wider`. */
function covers(wider: Trigger, trigger: Trigger): boolean {
  return (['rules', 'tags', 'severity'] as const).every(
    (filter) =>
      wider[filter].length === 0 ||
      (trigger[filter].length > 0 && trigger[filter].every((value) => wider[filter].includes(value))),
  )
}
