"""Everything that speaks to RabbitMQ; no other module of the writer imports pika."""
