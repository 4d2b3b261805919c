"""The bus on Kafka, or whatever speaks its protocol, through librdkafka."""
