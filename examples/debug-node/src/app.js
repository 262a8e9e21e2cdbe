exports.handler = async (event) => {
  const name = event.name ?? 'nobody'
  const greeting = `Hello, ${name}`
  return { greeting }
}
