export function lastPart(name: string): string {
  return name.slice(name.lastIndexOf('.') + 1)
}
