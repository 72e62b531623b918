resource "aws_sqs_queue" "videos" {
  name                       = "${var.name}-videos"
  sqs_managed_sse_enabled    = var.kms_key_arn == "" ? true : null
  kms_master_key_id          = var.kms_key_arn == "" ? null : var.kms_key_arn
  visibility_timeout_seconds = local.visibility_seconds
  message_retention_seconds  = var.queue_retention_seconds
  receive_wait_time_seconds  = 20
  redrive_policy = jsonencode({
    deadLetterTargetArn = aws_sqs_queue.dead_letters.arn
    maxReceiveCount     = var.max_receives
  })
}

resource "aws_sqs_queue" "dead_letters" {
  name                    = "${var.name}-dead-letters"
  sqs_managed_sse_enabled = var.kms_key_arn == "" ? true : null
  kms_master_key_id       = var.kms_key_arn == "" ? null : var.kms_key_arn
  # 14 days, the most there is. A message that SQS moves here keeps the time at which it was first sent.
  message_retention_seconds = 1209600
  redrive_allow_policy = jsonencode({
    redrivePermission = "byQueue"
    sourceQueueArns   = ["arn:${local.partition}:sqs:${local.region}:${local.account}:${var.name}-videos"]
  })
}

resource "aws_sqs_queue_policy" "dead_letters" {
  queue_url = aws_sqs_queue.dead_letters.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = [{
      Sid       = "OnlyTls"
      Effect    = "Deny"
      Principal = "*"
      Action    = "sqs:*"
      Resource  = aws_sqs_queue.dead_letters.arn
      Condition = { Bool = { "aws:SecureTransport" = "false" } }
    }]
  })
}

resource "aws_sqs_queue_policy" "videos" {
  queue_url = aws_sqs_queue.videos.url
  policy = jsonencode({
    Version = "2012-10-17"
    Statement = concat(
      [{
        Sid       = "OnlyTls"
        Effect    = "Deny"
        Principal = "*"
        Action    = "sqs:*"
        Resource  = aws_sqs_queue.videos.arn
        Condition = { Bool = { "aws:SecureTransport" = "false" } }
      }],
      var.s3_events ? [{
        Sid       = "OnlyTheVideosBucket"
        Effect    = "Allow"
        Principal = { Service = "s3.amazonaws.com" }
        Action    = "sqs:SendMessage"
        Resource  = aws_sqs_queue.videos.arn
        Condition = {
          ArnEquals = { "aws:SourceArn" = local.videos_bucket_arn }
          # A bucket that is deleted may come back as somebody else's, under the same name.
          StringEquals = { "aws:SourceAccount" = local.account }
        }
      }] : [],
    )
  })
}
