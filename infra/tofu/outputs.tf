output "function_name" {
  description = "The function; invoke it by hand with any message as the event"
  value       = aws_lambda_function.function.function_name
}

output "queue_url" {
  description = "SQS_QUEUE_URL of run_sqs_batches.py"
  value       = aws_sqs_queue.videos.url
}

output "dead_letter_queue_url" {
  description = "Where messages end that can never succeed"
  value       = aws_sqs_queue.dead_letters.url
}

output "videos_bucket_name" {
  description = "Where videos are read from"
  value       = local.videos_bucket
}

output "frames_bucket_name" {
  description = "Where frames and manifests are written to"
  value       = local.frames_bucket
}

output "table_name" {
  description = "The state, in DynamoDB"
  value       = local.uses_dynamodb ? local.table : null
}

output "bucket_notification" {
  description = "The notification that the videos bucket has to be given, since it is not of this module"
  value = var.s3_events && var.videos_bucket != "" ? jsonencode({
    QueueConfigurations = [{
      QueueArn = aws_sqs_queue.videos.arn
      Events   = ["s3:ObjectCreated:*"]
      Filter   = { Key = { FilterRules = [{ Name = "suffix", Value = ".mp4" }] } }
    }]
  }) : null
}

output "dashboard_url" {
  description = "How it does"
  value       = "https://${local.region}.console.aws.amazon.com/cloudwatch/home?region=${local.region}#dashboards:name=${var.name}"
}
