// Opening hours.
exports.handler = async () => 'from ten to four';
