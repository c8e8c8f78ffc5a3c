const absolute = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });

export function Moment({ at }: { at: string | null | undefined }) {
  if (!at) return null;
  return <time dateTime={at}>{absolute.format(new Date(at))}</time>;
}
